from __future__ import annotations

from gearshift.execution.entra import ClientSecret
from gearshift.execution.proof import Outgoing, Proof
from gearshift.execution.sigv4 import SigV4
from gearshift.execution.tokens import Tokens


def test_all_that_proves_has_one_shape() -> None:
    grant = ClientSecret({"tenant_id": "t", "client_id": "c", "client_secret": "the-secret"})
    signs = SigV4({"access_key_id": "AKIA", "secret_access_key": "the-secret"}, "us-east-1", wall_clock=lambda: 0.0)
    every: list[Proof] = [Tokens(grant, clock=lambda: 0.0, wall_clock=lambda: 0.0), signs]
    assert [list(proof.secrets) for proof in every] == [["the-secret"]] * 2
    assert not any("the-secret" in repr(proof) for proof in every)


def test_a_call_is_changed_by_making_another() -> None:
    call = Outgoing("u", {}, b"")
    assert call._replace(url="v").url == "v"
    assert call.url == "u"
