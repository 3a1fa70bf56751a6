"""Own how one data set is shown on the page: tiles, sentences, plots, and every number in a table.

Invariant: what a plot shows, a table says; what was not measured is said to be so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gearshift.learning import charts, words
from gearshift.learning.findings import SetReport
from gearshift.learning.markup import Markup, element, table
from gearshift.learning.metrics import Interval
from gearshift.learning.plot import shown
from gearshift.learning.tables import PER, distinct

_NONE: Final = "\N{EN DASH}"
_UNMEASURED: Final = "Baselines kNN and ridge per model: not measured, for want of training outcomes of these models."


def section(found: SetReport) -> Markup:
    """Show one data set."""
    base = found.baselines
    known = {True: "in distribution", False: "out of distribution", None: ""}[found.trained]
    meta = " · ".join(filter(None, (f"{found.prompts:,} prompts", f"{found.models} models", known)))
    return element(
        "section",
        element("p", meta, class_="over"),
        element("h2", found.dataset, " ", badge(found)),
        _tiles(found),
        element("ul", *(element("li", each) for each in words.sentences(found)), class_="said"),
        *_curve(found),
        element("div", *_calibration(found), *_shares(found), class_="pair"),
        element("h3", "Figures"),
        table(("", "value (95 % interval)"), _figures(found)),
        *_tasks(found),
        *_left_out(found),
        id=anchor(found),
        aria_label=f"{found.dataset}, best single model {base.best_model}",
    )


def _tiles(found: SetReport) -> Markup:
    """Show the three numbers to remember."""
    base = found.baselines
    told = [
        ("gain at equal cost", _figure_of(found.gain, 100, "points", "+.1f")),
        ("cost at the best model's score", _figure_of(found.parity, 100, "% of its cost", ".0f")),
        ("best single model", (f"{base.best_quality:.3f}", charts.short(base.best_model))),
    ]
    return element(
        "dl",
        *(
            element("div", element("dt", name), element("dd", element("b", value), element("small", under)))
            for name, (value, under) in told
        ),
        class_="tiles",
    )


def _figure_of(found: Interval | None, scale: float, unit: str, form: str) -> tuple[str, str]:
    if found is None:
        return _NONE, "no cost is known"
    if found.value is None:
        return _NONE, "not reached"
    ends = " to ".join("not reached" if end is None else shown(scale * end, form) for end in (found.low, found.high))
    return f"{shown(scale * found.value, form)}", f"{unit} ({ends})"


def _curve(found: SetReport) -> list[Markup]:
    if not found.points:
        return [element("p", "No curve: the cost of the models is not known.", class_="missing")]
    rivals = [(f"rival{number + 1}", each.name) for number, each in enumerate(found.rivals)]
    keys = [("router", "router, with its 95 % band"), ("mix", "best mix of single models"), *rivals]
    missing = () if found.rivals else (element("p", _UNMEASURED, class_="missing"),)
    rows = [
        (
            f"{point.willingness_to_pay:.2g}",
            f"{point.quality:.4f}",
            _ends(point.low, point.high),
            f"{PER * point.cost_usd:.4g}",
            f"{point.mix_quality:.4f}",
        )
        for point in distinct(found.points)
    ]
    singles = [
        (each.model, f"{each.quality:.4f}", _NONE if each.cost_usd is None else f"{PER * each.cost_usd:.4g}")
        for each in sorted(found.singles, key=lambda single: -single.quality)
    ]
    head = ("dial, USD per unit", "mean score", "95 % interval", "USD per 1,000", "mix at that cost")
    return [
        figure(charts.cost_quality(found), "Cost and quality", _legend(keys)),
        *missing,
        _details("The curve in numbers", table(head, rows)),
        _details("The single models in numbers", table(("model", "mean score", "USD per 1,000"), singles)),
    ]


def _calibration(found: SetReport) -> list[Markup]:
    if not found.bins:
        return []
    rows = [(f"{each.forecast:.3f}", f"{each.score:.3f}", f"{each.count:,}") for each in found.bins]
    caption = f"Calibration: expected calibration error {found.ece:.3f}"
    drawn = figure(charts.reliability(found.bins, found.dataset), caption)
    numbers = _details("Calibration in numbers", table(("mean forecast", "mean score", "outcomes"), rows))
    return [element("div", drawn, numbers)]


def _shares(found: SetReport) -> list[Markup]:
    if not found.points:
        return []
    names = charts.leading(found.points)
    keys = [(f"c{number + 1}", name) for number, name in enumerate(names)]
    if any(name not in names for point in found.points for name in point.shares):
        keys.append(("c0", "others"))
    rows = [
        (f"{point.willingness_to_pay:.2g}", *(f"{point.shares.get(name, 0.0):.1%}" for name in names))
        for point in distinct(found.points)
    ]
    drawn = figure(charts.shares(found.points, found.dataset), "Which models are chosen", _legend(keys))
    return [element("div", drawn, _details("Shares in numbers", table(("dial", *names), rows)))]


def _figures(found: SetReport) -> list[tuple[str, str]]:
    """List every figure of a data set."""
    wanted: tuple[tuple[str, Interval | None, float, str, str], ...] = (
        ("Gain over the mix, points", found.gain, 100, "+.1f", ""),
        ("Mean margin over the mix along the dial, points", found.lift, 100, "+.1f", ""),
        ("Least margin over the mix along the dial (harm), points", found.harm, 100, "+.1f", ""),
        ("Cost at parity", found.parity, 100, ".1f", " %"),
        ("Cost at 98 % of that score", found.near_parity, 100, ".1f", " %"),
        ("CostSave", found.cost_save, 100, ".1f", " %"),
        ("PerfGain", found.perf_gain, 100, "+.1f", " %"),
        ("Gap@Oracle", found.oracle_gap, 100, ".1f", " %"),
        ("AIQ less that of single models", found.aiq_gain, 1, "+.4f", ""),
        ("RouterArena score, best setting", found.arena, 1, ".1f", ""),
    )
    pair = found.pair
    if pair is not None:
        wanted += (
            ("APGR", pair.apgr, 1, ".3f", ""),
            ("CPT 50 %", pair.cpt_50, 100, ".1f", " %"),
            ("CPT 80 %", pair.cpt_80, 100, ".1f", " %"),
        )
    rows = [(name, _value(each, scale, form, unit)) for name, each, scale, form, unit in wanted if each is not None]
    base, cover = found.baselines, found.coverage
    rows += [
        ("Best single model", f"{base.best_quality:.4f} at {_usd(base.best_cost_usd)}"),
        ("A model at random", f"{base.random_quality:.4f} at {_usd(base.random_cost_usd)}"),
        ("Oracle", f"{base.oracle_quality:.4f} at {_usd(base.oracle_cost_usd)}"),
        ("Expected calibration error", f"{found.ece:.3f}"),
    ]
    if cover is not None and cover.z is not None and cover.within is not None:
        rows.append(("Mean score less mean forecast, standard deviations", shown(cover.z, "+.2f")))
        rows.append(("Models within 1.645 of theirs (90 % expected)", f"{100 * cover.within:.0f} %"))
    return rows


def _value(found: Interval, scale: float, form: str, unit: str) -> str:
    if found.value is None:
        return f"not reached ({_ends(found.low, found.high, scale, form)})"
    return f"{shown(scale * found.value, form)}{unit} ({_ends(found.low, found.high, scale, form)})"


def _ends(low: float | None, high: float | None, scale: float = 1, form: str = ".4f") -> str:
    return " to ".join(_NONE if each is None else shown(scale * each, form) for each in (low, high))


def _usd(cost: float | None) -> str:
    return "unknown cost" if cost is None else f"${PER * cost:.4g} per 1,000"


def _tasks(found: SetReport) -> list[Markup]:
    if not found.tasks:
        return []
    gains = [(each.task, each.gain) for each in found.tasks if each.gain is not None]
    rows = [
        (
            each.task,
            f"{each.prompts:,}",
            each.best_model,
            f"{each.best_quality:.3f}",
            _NONE if each.gain is None else charts.points_of(each.gain),
        )
        for each in found.tasks
    ]
    head = ("task", "prompts", "best single model", "its score", "gain, points (95 % interval)")
    drawn = [figure(charts.forest(gains, f"Gain by task on {found.dataset}"), "Gain by task")] if gains else []
    return [element("h3", "Tasks"), *drawn, _details("Tasks in numbers", table(head, rows))]


def _left_out(found: SetReport) -> list[Markup]:
    if not found.left_out:
        return []
    told = f"Not compared, for too few answers or no known cost: {', '.join(found.left_out)}."
    return [element("p", told, class_="missing")]


def badge(found: SetReport) -> Markup:
    """Show the verdict in two words."""
    kind = words.verdict(found)
    return element("span", words.VERDICTS[kind], class_=f"badge {kind}")


def figure(drawn: Markup, caption: str, legend: Markup | None = None) -> Markup:
    """Set a plot, its caption above and its legend below."""
    under = () if legend is None else (legend,)
    return element(
        "figure", element("figcaption", caption), element("div", drawn, class_="scroll", tabindex="0"), *under
    )


def _legend(keys: Sequence[tuple[str, str]]) -> Markup:
    return element("ul", *(element("li", element("i", class_=kind), name) for kind, name in keys), class_="legend")


def _details(title: str, inside: Markup) -> Markup:
    return element("details", element("summary", title), inside)


def anchor(found: SetReport) -> str:
    """Give the id of a data set's section; distinct for distinct names, whatever is in them."""
    return f"set-{found.dataset.encode('utf-8', 'replace').hex()}"
