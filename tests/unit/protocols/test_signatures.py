from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.protocols.registry import CODECS
from gearshift.protocols.signatures import PREFIX, seal, unseal

protocols = st.sampled_from(sorted(CODECS))
signatures = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="+/="), min_size=1)


@given(signature=signatures, origin=protocols, caller=protocols, base64=st.booleans(), redacted=st.booleans())
def test_a_signature_comes_back_with_its_signer(
    signature: str, origin: str, caller: str, base64: bool, redacted: bool
) -> None:
    sealed = seal(signature, origin, caller, base64=base64, redacted=redacted)
    assert unseal(sealed, caller, base64=base64) == (signature, origin, redacted and origin != caller)
    assert (sealed == signature) == (origin == caller)


def test_one_of_unknown_origin_stays_as_it_is() -> None:
    assert seal("s", None, "gemini", base64=True) == "s"


def test_a_sealed_one_is_base64_where_nothing_else_is_taken() -> None:
    assert b64decode(seal("s", "gemini", "x", base64=True)).decode() == f"{PREFIX}gemini.s"


@pytest.mark.parametrize("odd", ["", "é", "====", "Z2VhcnNoaWZ0", "\x00"])
def test_what_was_never_sealed_is_the_protocols_own(odd: str) -> None:
    assert unseal(odd, "gemini", base64=True) == (odd, "gemini", False)
