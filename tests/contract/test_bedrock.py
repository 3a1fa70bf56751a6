"""AWS's own library is the oracle of Converse: it takes every request that we say, and reads every answer."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.eventstream
import botocore.model
import botocore.parsers
import botocore.validate
import msgspec
import pytest
from botocore.loaders import Loader
from hypothesis import given, settings
from hypothesis import strategies as st

from gearshift.errors import InvalidRequest
from gearshift.protocols.bedrock_converse import codec
from gearshift.protocols.codec import RequestEdits, ResponseEdits
from gearshift.protocols.crossing import cross_request
from gearshift.types.chat import Response
from gearshift.types.stream import Finished
from tests.contract.tongues import CALLERS, TONGUES, Tongue, edits, requests, responses
from tests.contract.unfold import unfold

CONVERSE = next(tongue for tongue in TONGUES if tongue.name == "bedrock_converse")
CLAUDE = "eu.anthropic.claude-sonnet-5-v1:0"


@cache
def operation(name: str) -> botocore.model.OperationModel:
    service: Any = botocore.model.ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
    return service.operation_model(name)


def check(body: bytes) -> None:
    """Have botocore's validator take a request; where documents are free JSON it wants plain values."""
    said = {"modelId": CLAUDE, **msgspec.json.decode(body)}
    shape = operation("Converse").input_shape
    known = {name: value for name, value in said.items() if name in shape.members}
    report: Any = botocore.validate.ParamValidator().validate(known, shape)
    assert not report.has_errors(), report.generate_report()


@settings(max_examples=60)
@given(data=st.data())
def test_a_request_is_one_of_converses(data: st.DataObject) -> None:
    request = data.draw(requests(CONVERSE))
    check(codec.encode_request(request, edits(request)).body)


@pytest.mark.parametrize("caller", CALLERS, ids=lambda tongue: tongue.name)
@settings(max_examples=40)
@given(data=st.data())
def test_a_request_of_any_caller_becomes_one_of_converses(caller: Tongue, data: st.DataObject) -> None:
    request = data.draw(requests(caller))
    try:
        said = cross_request(request, codec, RequestEdits(model=CLAUDE))
    except InvalidRequest:
        return
    check(said.body)
    assert not set(msgspec.json.decode(said.body)) - set(operation("Converse").input_shape.members)


def told(response: Response) -> tuple[list[Any], str, dict[str, int]]:
    """Give what botocore makes of an answer that is not streamed."""
    shape = operation("Converse").output_shape
    body = codec.encode_response(response).body
    parser: Any = botocore.parsers.RestJSONParser()
    read = parser.parse({"headers": {}, "body": body, "status_code": 200}, shape)
    return read["output"]["message"]["content"], read["stopReason"], read["usage"]


@settings(max_examples=60)
@given(data=st.data())
def test_botocore_reads_an_answer_streamed_or_not(data: st.DataObject) -> None:
    response = data.draw(responses(CONVERSE, plain=True))
    content, reason, usage = told(response)
    assert [block["text"] for block in content if "text" in block] == [
        part.text for part in response.choices[0].parts if hasattr(part, "text") and not hasattr(part, "signature")
    ]
    encoder = codec.stream_encoder(send_usage=True)
    *events, finished = unfold(response)
    assert isinstance(finished, Finished)
    said = b"".join(encoder.feed(event) for event in events)
    buffer: Any = botocore.eventstream.EventStreamBuffer()
    buffer.add_data(said + encoder.end(finished, ResponseEdits(model="m")))
    shape = operation("ConverseStream").output_shape.members["stream"]
    parser: Any = botocore.parsers.EventStreamJSONParser()
    read = [parser.parse(message.to_response_dict(), shape) for message in buffer]
    (stopped,) = [each["messageStop"] for each in read if "messageStop" in each]
    (counted,) = [each["metadata"] for each in read if "metadata" in each]
    assert (stopped["stopReason"], counted["usage"]) == (reason, usage)
    spoken = [each["contentBlockDelta"]["delta"] for each in read if "contentBlockDelta" in each]
    assert "".join(delta["text"] for delta in spoken if "text" in delta) == "".join(
        block["text"] for block in content if "text" in block
    )
