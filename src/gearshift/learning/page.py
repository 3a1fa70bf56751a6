"""Own the report as one HTML page: what a manager reads first, and what a researcher checks below.

Invariant: self-contained (no script, no request), readable in light and dark, on a telephone and on paper; everything
that comes from data is escaped; every plot has its numbers in a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gearshift.learning import charts, words
from gearshift.learning.findings import Method, SetReport
from gearshift.learning.markup import Markup, element, style, table
from gearshift.learning.report import Report
from gearshift.learning.section import anchor, badge, figure, section
from gearshift.learning.tables import interval

_SHEET: Final = Path(__file__).with_name("page.css")
_LOOKED_UP: Final = "Each choice of the router is looked up in recorded outcomes."
_GLOSSARY: Final = (
    ("Mix", "The best that a coin toss between two single models reaches at a cost: their upper hull, in hindsight."),
    ("Gain", "Points (of 100) of mean score above the mix, averaged over the logarithm of cost."),
    ("Cost at parity", "The router's cost at the best single model's mean score, relative to that model's cost."),
    ("Oracle", "The cheapest of the best models on each prompt, known only afterwards."),
    ("Interval", "95 %, percentile bootstrap over prompts; all figures of a data set use the same resamples."),
)


def page(report: Report) -> str:
    """Write the whole page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"Router evaluation {report.version}"),
        style(_SHEET.read_text(encoding="utf-8")),
    )
    parts = (_top(report), *map(section, report.sets), *_promises(report), _method(report))
    body = element("body", element("main", *parts))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _top(report: Report) -> Markup:
    """Say what was found, in words, with all gains in one plot."""
    prompts, count = sum(found.prompts for found in report.sets), len(report.sets)
    measured = f"Measured on {prompts:,} prompts of {count} data set{'s' if count != 1 else ''}."
    parts = [
        element("p", f"Router evaluation · artefact {report.version}", class_="over"),
        element("h1", words.headline(report.sets)),
        element("p", f"{measured} {_LOOKED_UP} {words.undecided(report.sets)}".rstrip(), class_="lead"),
    ]
    told = words.caution(report.method) if report.method is not None else ""
    if told:
        parts.append(element("p", told, class_="caution", role="note"))
    gains = [(found.dataset, found.gain) for found in report.sets if found.gain is not None]
    if len(gains) > 1:
        thin = {found.dataset for found in report.sets if words.verdict(found) == "thin"}
        drawn = charts.forest(gains, "Gain over mixing single models", thin)
        parts.append(figure(drawn, "Gain at equal cost, by data set"))
    parts.append(element("ul", *map(_card, report.sets), class_="cards"))
    return element("header", *parts)


def _card(found: SetReport) -> Markup:
    return element(
        "li",
        element("h2", element("a", found.dataset, href=f"#{anchor(found)}"), " ", badge(found)),
        element("p", " ".join(words.sentences(found)[:2])),
    )


def _promises(report: Report) -> list[Markup]:
    """Say what became of the calibrated promises, where there are any."""
    rows = [
        (
            f"{each.reference}, within {each.within:g}, confidence {each.confidence:.4g}",
            f"{each.margin:+.3f}",
            f"{each.questions:,}",
            interval(each.loss, 1, 4),
            f"{each.cost_share:.1%}",
            each.verdict,
        )
        for each in report.promises
    ]
    head = ("at least", "margin", "questions", "mean loss (95 % interval)", "expected cost", "")
    return [element("section", element("h2", "Promises"), table(head, rows), id="promises")] if rows else []


def _method(report: Report) -> Markup:
    """Say how it was measured."""
    rows = [("Artefact", report.version), *([] if report.method is None else _how(report.method, report.sets))]
    if report.unknown_models:
        rows.append(("Models that the artefact has not learned", ", ".join(report.unknown_models)))
    return element(
        "section",
        element("h2", "How it was measured"),
        element("dl", *(_term(name, told) for name, told in rows), class_="terms"),
        element("h3", "Words"),
        element("dl", *(_term(name, told) for name, told in _GLOSSARY), class_="terms"),
        id="method",
    )


def _how(method: Method, sets: Sequence[SetReport]) -> list[tuple[str, str]]:
    fitted = sorted(
        f"{each.name} on {found.dataset}: {each.setting}, fitted to {each.prompts:,} prompts"
        for found in sets
        for each in found.rivals
    )
    choices = f"{method.dials} settings of willingness to pay; {method.checked:,} choices were made again by the"
    split = f"by question, holdout {method.holdout:g}, seed {method.seed}; {method.unseen:,} of {method.prompts:,}"
    return [
        ("Choices", f"{choices} production code that serves, {method.differing} differed"),
        ("Split", f"{split} prompts were held back, or are of data sets not trained on"),
        ("Intervals", f"95 %, {method.resamples} bootstrap resamples of prompts, paired"),
        ("Baselines that learn", "; ".join(fitted) or "not measured: no training outcomes were given (--train)"),
        ("Training outcomes, SHA-256", method.training_digest),
        ("Measured outcomes, SHA-256", method.data_digest),
        ("Gearshift", method.gearshift),
    ]


def _term(name: str, told: str) -> Markup:
    return element("div", element("dt", name), element("dd", told))
