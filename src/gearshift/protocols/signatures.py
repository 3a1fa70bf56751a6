"""Own how a signature of thinking travels through a protocol that is not the signer's.

Thinking is signed by the provider that thought, and must come back to it word for word. A caller of another protocol
is given the signature under the signer's name, sends it back with the conversation as its protocol has it, and the
next request to the signer carries it again.

Invariant: `unseal` of what `seal` made gives the same signature and origin; a signature of the protocol itself is never
touched.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from typing import Final

REDACTED: Final = "~"
PREFIX: Final = "gearshift."
"""No provider's signature begins so: they are base64, which has no full stop."""


def seal(signature: str, origin: str | None, protocol: str, *, base64: bool = False, redacted: bool = False) -> str:
    """Give the signature as a caller of `protocol` is told it.

    `base64`: the protocol takes no other text. `redacted`: the signature is the thinking itself, encrypted.
    """
    if origin in {None, protocol}:
        return signature
    sealed = f"{PREFIX}{origin}{REDACTED if redacted else ''}.{signature}"
    return b64encode(sealed.encode()).decode() if base64 else sealed


def unseal(text: str, protocol: str, *, base64: bool = False) -> tuple[str, str, bool]:
    """Give a signature, the protocol in which it was signed, and whether it is the thinking itself."""
    plain = _plain(text) if base64 else text
    if plain.startswith(PREFIX):
        origin, _, signature = plain.removeprefix(PREFIX).partition(".")
        return signature, origin.removesuffix(REDACTED), origin.endswith(REDACTED)
    return text, protocol, False


def _plain(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode("ascii")
    except (Error, UnicodeDecodeError, ValueError):
        return ""
