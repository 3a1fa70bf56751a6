"""Own the form of the keys that we make: `gs-`, 256 random bits, and a checksum that tells a slip of the pen.

Source: the form of GitHub's tokens ("Behind GitHub's new authentication token formats", 2021): a prefix that scanners
for leaked secrets find, and a checksum that needs no look into a database.
"""

from __future__ import annotations

import base64
import os
from typing import Final
from zlib import crc32

PREFIX: Final = "gs-"
SHOWN: Final = 8
"""Characters of a key that its owner is shown later on, to tell it from others: 30 of 256 bits."""
_RANDOM_BYTES: Final = 32
_CHECKSUM: Final = 6


def make_key() -> str:
    """Make a key that nobody can guess."""
    random = base64.urlsafe_b64encode(os.urandom(_RANDOM_BYTES)).decode().rstrip("=")
    return f"{PREFIX}{random}{_checksum(random)}"


def is_misspelt(key: str) -> bool:
    """Say whether a text looks like one of our keys, and is none."""
    return key.startswith(PREFIX) and key[-_CHECKSUM:] != _checksum(key[len(PREFIX) : -_CHECKSUM])


def _checksum(random: str) -> str:
    return base64.b32encode(crc32(random.encode("utf-8", "surrogateescape")).to_bytes(4)).decode()[:_CHECKSUM].lower()
