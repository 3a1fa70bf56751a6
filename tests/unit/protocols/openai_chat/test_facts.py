from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from gearshift.protocols.openai_chat.facts import Said, whole, word


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


@pytest.mark.parametrize(
    ("spoken", "name"),
    [(b'"r"', "r"), (b"5", "5"), (b"1.5", "1.5"), (b'""', None), (b"null", None), (b"[]", None), (b"", None)],
)
def test_a_name_may_be_a_number(spoken: bytes, name: str | None) -> None:
    assert word(Raw(spoken)) == name


@pytest.mark.parametrize(
    ("spoken", "seconds"), [(b"7", 7), (b"7.9", 7), (b'"7"', 0), (b"null", 0), (b"", 0), (b"1e400", 0)]
)
def test_a_time_that_cannot_be_is_none(spoken: bytes, seconds: int) -> None:
    assert whole(Raw(spoken)) == seconds
