from __future__ import annotations

import time

import pytest

from gearshift.case import Case
from gearshift.execution.credentials import Credentials
from gearshift.execution.embedding import EmbeddingInterpreter
from gearshift.execution.http1 import Http1Upstream
from gearshift.execution.interpreter import Interpreter
from gearshift.execution.means import Means
from gearshift.protocols.registry import CODECS, EMBEDDERS
from gearshift.protocols.voice import Voice
from gearshift.types.inbound import Inbound
from tests.fakes.nouns import decision, deployment
from tests.unit.execution.test_order import WORLD

CHAT = b'{"model":"auto","messages":[{"role":"user","content":"Hi"}]}'
VECTORS = b'{"model":"auto","input":"Hi"}'


@pytest.mark.parametrize(
    ("codec", "body", "kind"),
    [
        (CODECS["openai_chat"], CHAT, Interpreter),
        (EMBEDDERS["openai_embeddings"], VECTORS, EmbeddingInterpreter),
    ],
)
def test_each_kind_of_request_has_its_interpreter(codec: Voice, body: bytes, kind: type) -> None:
    means = Means(
        upstream=Http1Upstream(), codecs=CODECS, credentials=Credentials({}), clock=time.monotonic, wall_clock=time.time
    )
    case = Case(WORLD, codec, Inbound(path="/", body=body, began=0.0), "gx-1", time.monotonic)
    case.read()
    case.decision = decision()
    made = means.interpreter(case, deployment())
    assert isinstance(made, kind)
    assert made.wants == ()
    assert made.given == ""
