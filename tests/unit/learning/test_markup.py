from __future__ import annotations

import pytest

from gearshift.learning.markup import Markup, element, join, style, table

EVIL = "</b><script>alert('x')</script>\" onload=\"&"


def test_text_is_escaped_and_markup_is_not() -> None:
    found = element("p", EVIL, element("b", "bold"), title=EVIL)
    assert "<script>" not in found
    assert "&lt;script&gt;" in found
    assert 'title="&lt;/b&gt;' in found
    assert '" onload="' not in found
    assert found.endswith("<b>bold</b></p>")


def test_attributes_are_spelt_for_html_and_svg() -> None:
    found = element("svg", class_="plot", stroke_width=1.5, viewBox="0 0 1 1", x=2.0, y=0.126, id=None)
    assert found == '<svg class="plot" stroke-width="1.5" viewBox="0 0 1 1" x="2" y="0.13"></svg>'


def test_void_elements_have_no_end() -> None:
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_joining_escapes_what_is_text() -> None:
    assert join(["<", Markup("<br>")]) == "&lt;<br>"


def test_a_style_cannot_end_itself() -> None:
    assert style("p > a { color: red }") == "<style>p > a { color: red }</style>"
    with pytest.raises(ValueError, match="found </"):
        style("</style>")


def test_a_table_has_headings_for_rows_and_columns() -> None:
    found = table(("model", "score"), [("<m>", "1")], caption="c")
    assert '<th scope="col">model</th>' in found
    assert '<th scope="row">&lt;m&gt;</th><td>1</td>' in found
    assert "<caption>c</caption>" in found
