"""Own what fuzzing begins with: small, well-formed bytes for each target, which mutations then break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gearshift.protocols.bedrock_converse.frames import encode_frame
from gearshift.protocols.codec import Codec, RequestEdits, ResponseEdits
from gearshift.protocols.registry import CODECS
from gearshift.types.chat import Choice, Message, Reasoning, Request, Response, Text, Tool, ToolCall, ToolResult, Usage
from gearshift.types.stream import Finished
from tests.contract.unfold import unfold

SAMPLES = Path(__file__).parents[1] / "contract" / "samples"
CALL = ToolCall(id="call_1", name="look", arguments='{"at":"\u2603"}')
REFUSALS = (
    b'{"error":{"message":"Rate limit reached, try again in 1.2s","type":"requests","code":"rate_limit_exceeded"}}',
    b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    b'[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"34s"}]}}]',
    b"<html>502</html>",
)
HEADERS = (
    b"x-gearshift-timeout-ms: 500\nx-gearshift-max-cost-usd: 0.01\nidempotency-key: a",
    b'cf-aig-metadata: {"a":1}\nx-stainless-read-timeout: 600\nx-session-id: s',
)
EDITS = ResponseEdits(model="m")


def _request(stream: bool) -> Request:
    said = (
        Message(role="system", parts=(Text(text="Be brief."),)),
        Message(role="user", parts=(Text(text="Hi \u2603"),)),
        Message(role="assistant", parts=(CALL,)),
        Message(role="tool", parts=(ToolResult(call_id="call_1", parts=(Text(text="snow"),)),)),
    )
    return Request(model="m", messages=said, tools=(Tool(name="look"),), stream=stream)


def _response(codec: Codec) -> Response:
    parts = (Reasoning(text="Hm."), Text(text="Hello \u2603"), CALL)
    choice = Choice(index=0, parts=parts, finish_reason="tool_calls")
    usage = Usage(input_tokens=3, output_tokens=5)
    return Response(protocol=codec.name, id="r-1", model="m", created=1, choices=(choice,), usage=usage)


def _stream(codec: Codec) -> bytes:
    encoder, out, last = codec.stream_encoder(send_usage=True), [], Finished()
    for event in unfold(_response(codec)):
        if isinstance(event, Finished):
            last = event
        else:
            out.append(encoder.feed(event))
    return b"".join(out) + encoder.end(last, EDITS)


def seeds(name: str) -> Iterator[bytes]:
    """Give what the target of this name begins with."""
    kind, _, protocol = name.partition("-")
    codec = CODECS.get(protocol)
    match kind:
        case "sse":
            yield b"\xef\xbb\xbf: ping\r\nevent: a\rid: 1\ndata: x\ndata: y\n\nretry: 5\n\n"
            yield from (path.read_bytes()[:4096] for path in sorted(SAMPLES.glob("*.sse")))
        case "frames":
            yield encode_frame(b'{"delta":{"text":"Hi"}}', "contentBlockDelta") * 2
        case "refusals":
            yield from REFUSALS
        case "headers":
            yield from HEADERS
        case "request" if codec is not None:
            for stream in (False, True):
                yield codec.encode_request(_request(stream), RequestEdits(model="m")).body
        case "request":
            yield b'{"model":"m","input":["a",[1,2]],"content":{"parts":[{"text":"a"}]}}'
        case "answer" if codec is not None:
            yield codec.encode_response(_response(codec)).body
        case "stream" if codec is not None:
            yield _stream(codec)
        case _:
            pass
