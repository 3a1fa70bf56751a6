from __future__ import annotations

import msgspec
import pytest

from gearshift.protocols.openai_chat.facts import Said


def said(spoken: bytes) -> Said:
    return msgspec.json.decode(spoken, type=Said)


@pytest.mark.parametrize(
    ("spoken", "size"),
    [
        (b"{}", 0),
        (b'{"role":"assistant","content":""}', 0),
        (b'{"content":null,"refusal":null,"tool_calls":null}', 0),
        (b'{"content":"Hi"}', 2),
        ('{"content":"é"}'.encode(), 2),
        (b'{"content":"\\u00e9\\n"}', 3),
        (b'{"reasoning_content":"abc"}', 3),
        (b'{"reasoning":"abc","reasoning_content":"abc"}', 3),
        (b'{"refusal":"No","content":"Hi"}', 4),
        (b'{"tool_calls":[{"function":{"name":"f","arguments":"{\\"a\\":1}"}},{"custom":{"input":"ls"}},{}]}', 9),
        (b'{"tool_calls":[{"function":{"arguments":{"a":1}}}]}', 7),
        (b'{"function_call":{"name":"f","arguments":"{}"}}', 29),
        (b'{"content":[{"type":"text","text":"Hi"}]}', 29),
    ],
)
def test_the_bytes_of_answer_text_are_counted(spoken: bytes, size: int) -> None:
    assert said(spoken).size() == size


@pytest.mark.parametrize(
    ("spoken", "beyond"),
    [
        (b"{}", False),
        (b'{"content":"Hi"}', False),
        (b'{"tool_calls":[],"reasoning_details":[],"audio":null,"images":[]}', False),
        (b'{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}', True),
        (b'{"reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}', True),
        (b'{"audio":{"id":"a"}}', True),
        (b'{"images":[{"type":"image_url"}]}', True),
    ],
)
def test_content_beyond_text_is_seen(spoken: bytes, beyond: bool) -> None:
    assert said(spoken).beyond_text() is beyond
