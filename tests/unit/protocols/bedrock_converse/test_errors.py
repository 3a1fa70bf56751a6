from __future__ import annotations

import pytest

from gearshift.errors import StreamBroken, UpstreamRefused
from gearshift.protocols.bedrock_converse.errors import encode_error, encode_stream_error
from gearshift.protocols.bedrock_converse.frames import Frames


def test_ours_is_said_in_its_shape() -> None:
    error = UpstreamRefused("no", upstream_status=429)
    assert encode_error(error) == b'{"message":"no"}'
    assert encode_error(error, b'"gearshift":{}') == b'{"message":"no","gearshift":{}}'


@pytest.mark.parametrize(
    ("status", "name"), [(429, "throttlingException"), (400, "validationException"), (500, "internalServerException")]
)
def test_inside_a_stream_it_is_an_exception(status: int, name: str) -> None:
    error = UpstreamRefused("no", upstream_status=status)
    error.status = status
    with pytest.raises(StreamBroken, match=rf"no \({name}\)"):
        list(Frames().feed(encode_stream_error(error)))
