"""Own HTML and SVG as text that is safe by construction.

Invariant: whatever is not `Markup` is escaped, in content and in attributes; only this module makes `Markup` of text.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

_VOID: Final = frozenset({"meta", "br", "hr"})


class Markup(str):
    """Hold markup that is not to be escaped again."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """Make an element.

    Attributes are named as in Python: `class_` is class, `stroke_width` is stroke-width; None leaves one out. Numbers
    are written with at most two decimals. Children that are no `Markup` are text.
    """
    told = "".join(f' {_name(key)}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    if name in _VOID:
        return Markup(f"<{name}{told}>")
    return Markup(f"<{name}{told}>{join(children)}</{name}>")


def join(children: Iterable[str]) -> Markup:
    """Write children one after the other; text among them is escaped."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))


def style(css: str) -> Markup:
    """Make a style element of a trusted sheet; raise ValueError when it could end the element."""
    if "</" in css:
        raise ValueError("found </ in a style sheet; expected none")
    return Markup(f"<style>{css}</style>")


def table(head: Iterable[str], rows: Iterable[Iterable[str]], caption: str = "") -> Markup:
    """Make a table that scrolls by itself; the first cell of a row heads it, the others are numbers or short words."""
    title = (element("caption", caption),) if caption else ()
    top = element("thead", element("tr", *(element("th", each, scope="col") for each in head)))
    body = [_row(list(row)) for row in rows]
    return element("div", element("table", *title, top, element("tbody", *body)), class_="scroll", tabindex="0")


def _row(cells: list[str]) -> Markup:
    first = element("th", cells[0], scope="row")
    return element("tr", first, *(element("td", cell) for cell in cells[1:]))


def _name(key: str) -> str:
    return {"viewBox": key}.get(key, key.rstrip("_").replace("_", "-"))


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escape(value)
    return f"{value:.2f}".rstrip("0").rstrip(".")
