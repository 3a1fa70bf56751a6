"""Own the file in which a newer book of prices waits for the gateway: `gearshift catalog update` writes it.

Invariants: the file is replaced whole or not at all; what is read is checked as if it had just come from outside. It
counts for the version of genai-prices that it was fetched beside: a later one ships later prices.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Raw, Struct

from gearshift.catalog.pricebook import MAX_BYTES, PriceBook, read_book, shipped
from gearshift.errors import ConfigError

FORM: Final = 1
_MAX_FILE: Final = MAX_BYTES + 4096


class PriceFile(Struct, frozen=True, kw_only=True):
    """Hold what the file says: where the prices came from, the ISO day, and the prices as they came."""

    form: int
    source: str
    date: str
    beside: str
    sha256: str
    prices: Raw


def write(path: Path, payload: bytes, *, source: str, date: str) -> None:
    """Put a checked payload into the file, atomically."""
    digest = hashlib.sha256(payload).hexdigest()
    content = msgspec.json.encode(
        PriceFile(form=FORM, source=source, date=date, beside=shipped().source, sha256=digest, prices=Raw(payload))
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def load(path: Path) -> PriceBook:
    """Give the book of the file at `path`, the shipped one where there is none, or where that is later.

    Raises ConfigError when the file is broken: prices never change in silence.
    """
    try:
        return _book(path) if path.is_file() else shipped()
    except (ValueError, OSError) as error:
        reason = str(error) if isinstance(error, ValueError) else type(error).__name__
        fault = f"catalog: {path} cannot be used: {reason}; run `gearshift catalog update` again, or remove it"
        raise ConfigError([fault], source=str(path)) from error


def _book(path: Path) -> PriceBook:
    if path.stat().st_size > _MAX_FILE:
        raise ValueError(f"found more than {_MAX_FILE} bytes")
    try:
        file = msgspec.json.decode(path.read_bytes(), type=PriceFile)
    except (ValueError, RecursionError) as error:
        raise ValueError("found no file of prices, expected what `gearshift catalog update` writes") from error
    payload = bytes(file.prices)
    if file.form != FORM or hashlib.sha256(payload).hexdigest() != file.sha256:
        raise ValueError("found a file that was changed or is of another form")
    if file.beside != shipped().source:
        return shipped()
    return read_book(payload, source=file.source, date=file.date)
