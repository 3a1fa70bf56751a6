from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gearshift.simulate.docs import MIN_SCORE, NOT_FOUND, DocsIndex, Page, load_pages, split, terms

HTTP = """
# HTTP

Gearshift speaks the OpenAI protocol. It listens on port 4000
by default. Change it in the config.

## Headers
- `x-gearshift-exchange-id` is the id of the exchange.
- `x-gearshift-model` is the model that
  answered.

## Errors

| status | meaning |
|---|---|
| 404 | unknown model |
| 413 | request body too large |

```sh
# not a heading
curl http://127.0.0.1:4000/healthz
```
After the code.
"""
PAGES = [
    Page("docs/http.md", HTTP),
    Page("docs/train.md", "# Training\n\nThe command `gearshift train` fits an artefact from outcome data.\n"),
    Page("README.md", "Gearshift is a router. Its licence is Apache-2.0.\n"),
]


def test_a_page_is_cut_at_headings_items_rows_and_fences() -> None:
    passages = [(passage.headings, passage.text) for passage in split(PAGES[0])]
    assert passages == [
        (
            ("HTTP",),
            "Gearshift speaks the OpenAI protocol. It listens on port 4000 by default. Change it in the config.",
        ),
        (("HTTP", "Headers"), "- `x-gearshift-exchange-id` is the id of the exchange."),
        (("HTTP", "Headers"), "- `x-gearshift-model` is the model that answered."),
        (("HTTP", "Errors"), "| status | meaning |\n| 404 | unknown model |"),
        (("HTTP", "Errors"), "| status | meaning |\n| 413 | request body too large |"),
        (("HTTP", "Errors"), "# not a heading\ncurl http://127.0.0.1:4000/healthz"),
        (("HTTP", "Errors"), "After the code."),
    ]


def test_long_paragraphs_become_windows_of_sentences() -> None:
    sentence = "This sentence has some forty characters."
    windows = [passage.text for passage in split(Page("a.md", " ".join([sentence] * 20)))]
    assert len(windows) > 1
    assert all(len(window) <= 320 for window in windows)
    assert " ".join(windows).count(sentence) == 20


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Which port does Gearshift listen on by default?", "port 4000"),
        ("Which header holds the exchange id?", "x-gearshift-exchange-id"),
        ("Which header names the model that answered?", "x-gearshift-model"),
        ("Which status means that the request body is too large?", "413"),
        ("Which command fits an artefact?", "gearshift train"),
        ("What is the licence?", "Apache-2.0"),
    ],
)
def test_the_passage_that_answers_is_found(question: str, answer: str) -> None:
    assert answer in DocsIndex(PAGES).reply(question)


def test_the_answer_names_its_source() -> None:
    assert DocsIndex(PAGES).reply("Which licence?").endswith("\n(source: README.md)")


@pytest.mark.parametrize("question", ["", "the of and", "What is the capital of France?", "Who painted the Mona Lisa?"])
def test_what_the_docs_do_not_hold_is_not_found(question: str) -> None:
    assert DocsIndex(PAGES).reply(question) == NOT_FOUND


def test_without_pages_nothing_is_found() -> None:
    assert DocsIndex([]).reply("Which port?") == NOT_FOUND


@given(st.text(max_size=200))
def test_a_score_is_a_share_of_a_perfect_passage(question: str) -> None:
    found = DocsIndex(PAGES).search(question)
    assert found is None or 0 < found[0] < 1


def test_terms_drop_stop_words_and_endings_and_split_compounds() -> None:
    assert terms("The routers were routing x-retry-after") == ["router", "rout", "x-retry-after", "x", "retry", "after"]


def test_the_checkout_holds_the_docs_that_are_served() -> None:
    pages = {page.path: page.text for page in load_pages()}
    assert "README.md" in pages
    assert any(path.startswith("docs/") for path in pages)


def test_a_wheel_carries_its_own_copy(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("outside", "utf-8")
    docs = tmp_path / "src" / "gearshift" / "_docs"
    (docs / "docs" / "how-to").mkdir(parents=True)
    (docs / "README.md").write_text("inside", "utf-8")
    (docs / "docs" / "how-to" / "a.md").write_text("deep", "utf-8")
    assert load_pages(docs.parent) == [Page("README.md", "inside"), Page("docs/how-to/a.md", "deep")]
    assert load_pages(tmp_path / "elsewhere" / "lib" / "gearshift") == []


def test_the_threshold_lies_between_chance_and_a_fair_match() -> None:
    index = DocsIndex(PAGES)
    fair, chance = index.search("default port"), index.search("default weather in Norway tomorrow morning")
    assert fair is not None
    assert chance is not None
    assert chance[0] < MIN_SCORE < fair[0]
