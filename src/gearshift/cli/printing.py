"""Own `--json`: how a command prints what a program shall read."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def as_text(document: object) -> str:
    """Write a document as JSON that a human can read too."""
    return msgspec.json.format(msgspec.json.encode(document)).decode()
