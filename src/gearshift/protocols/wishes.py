"""Own the wishes of one request on their way to `Routing`: gathered from every spelling, each with its place.

Invariants: two spellings of one wish agree, or the request is refused with both places named; a wish that nothing here
fulfils is noted as `Unmet`, never dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from gearshift.protocols.fields import BOOLEAN, NUMBER, TEXTS, Kind, Misfit, Sole, maybe
from gearshift.protocols.json_patch import Members
from gearshift.types.asking import Unmet
from gearshift.types.catalog import NANO_PER_USD
from gearshift.types.chat import Percentile, Routing

MAX_NAME: Final = 256
MAX_NAMES: Final = 1_000
MAX_SHOWN: Final = 64
MAX_USD: Final = 1_000_000
PERCENTILES: Final[tuple[Percentile, ...]] = ("p50", "p75", "p90", "p99")
INNER: Final = Sole(msgspec.json.Decoder(Members), "an object")
_MONEY: Final = Kind(msgspec.json.Decoder(msgspec.Raw), "US dollars")
_AMOUNT: Final = re.compile(r'"?([0-9]{1,12}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?)"?')


class Wishes:
    """Gather wishes."""

    def __init__(self) -> None:
        """Begin with none."""
        self._said: dict[str, object] = {}
        self._where: dict[str, str] = {}
        self._unmet: dict[str, Unmet] = {}

    def add(self, wish: str, value: object, path: str) -> None:
        """Take a field of `Routing`, said at `path`; raise Misfit where another place says something else."""
        if self._said.get(wish, value) != value:
            raise Misfit(path, f"contradicts {self._where[wish]}, which asks for the same thing; say one of them")
        self._said[wish] = value
        self._where.setdefault(wish, path)

    def note(self, path: str, detail: str, word: str = "") -> None:
        """Note a wish that nothing here fulfils; see `Unmet`."""
        self._unmet[path] = Unmet(field=path, detail=detail, word=word)

    def apart(self, one: str, other: str) -> None:
        """Refuse two wishes that cannot both be fulfilled."""
        if one in self._where and other in self._where:
            raise Misfit(self._where[one], f"contradicts {self._where[other]}; say one of them")

    def disjoint(self, one: str, other: str) -> None:
        """Refuse a name that two lists hold which cannot both mean it."""
        names = [self._said.get(wish) for wish in (one, other)]
        if isinstance(names[0], list) and isinstance(names[1], list):
            both = {each.lower() for each in names[0]} & {each.lower() for each in names[1]}
            if both:
                shown = repr(min(both)[:MAX_SHOWN])
                raise Misfit(self._where[one], f"contradicts {self._where[other]}: {shown} is in both; say one of them")

    def routing(self) -> Routing:
        """Give them all."""
        if self._unmet:
            self._said["unmet"] = list(self._unmet.values())
        return msgspec.convert(self._said, Routing)

    def names(self, members: Members, name: str, at: str = "", wish: str | None = None) -> None:
        """Take a list of names, as the wish of that (or another) name."""
        names = maybe(members, name, TEXTS, at)
        if names is None:
            return
        if len(names) > MAX_NAMES:
            raise Misfit(at + name, f"found {len(names)} names, expected at most {MAX_NAMES}")
        self.add(
            wish or name, [checked_name(one, f"{at}{name}[{index}]") for index, one in enumerate(names)], at + name
        )

    def switch(self, members: Members, name: str, at: str, wish: str | None = None) -> None:
        """Take a yes or no."""
        if (value := maybe(members, name, BOOLEAN, at)) is not None:
            self.add(wish or name, value, at + name)

    def cutoffs(self, members: Members, name: str, at: str, unit: str) -> None:
        """Take one number, at the median, or an object of numbers by percentile."""
        if bytes(members.get(name, b""))[:1] == b"{":
            inner = maybe(members, name, INNER, at) or {}
            limits = [(percentile, maybe(inner, percentile, NUMBER, f"{at}{name}.")) for percentile in PERCENTILES]
            refuse_rest(inner, f"{at}{name}.", PERCENTILES)
        else:
            limits = [("p50", maybe(members, name, NUMBER, at))]
        said = [(percentile, limit) for percentile, limit in limits if limit is not None]
        for _, limit in said:
            if limit <= 0:
                raise Misfit(at + name, f"found {limit:g}, expected {unit} above 0")
        if said:
            self.add(name, said, at + name)


def checked_name(name: str, path: str) -> str:
    """Give a name of a model, provider or session, if it can be one."""
    if name and len(name) <= MAX_NAME and name.isprintable():
        return name
    found = "unprintable characters" if len(name) <= MAX_NAME else f"{len(name)} characters"
    raise Misfit(path, f"found {found if name else 'an empty string'}, expected 1 to {MAX_NAME} printable characters")


def one_of(words: Sequence[str], found: str, path: str) -> str:
    """Give a word, if it is one of `words`."""
    if found not in words:
        raise Misfit(path, f"found {found[:MAX_SHOWN]!r}, expected one of {', '.join(words)}")
    return found


def refuse_rest(members: Iterable[str], at: str, known: Sequence[str]) -> None:
    """Refuse words that no inventor has published: a slip of the pen must not change who is asked in silence."""
    for name in members:
        raise Misfit(at + name[:MAX_SHOWN], f"not known here, expected one of {', '.join(known)}")


def money(members: Members, name: str, at: str) -> int | None:
    """Take US dollars as nano-USD: a number, or (as OpenRouter's SDKs send it) a string that holds one."""
    raw = maybe(members, name, _MONEY, at)
    if raw is None:
        return None
    found = _AMOUNT.fullmatch(bytes(raw).decode("utf-8", "replace"))
    if found is None or Decimal(found[1]) > MAX_USD:
        raise Misfit(at + name, f"found {_shown(bytes(raw))}, expected US dollars, from 0 to {MAX_USD}")
    return int(Decimal(found[1]) * NANO_PER_USD)


def _shown(spoken: bytes) -> str:
    """Say what stands there in place of an amount; a number is shown itself."""
    kinds = {b'"': "another string", b"{": "an object", b"[": "a list", b"t": "a boolean", b"f": "a boolean"}
    return kinds.get(spoken[:1], spoken[:MAX_SHOWN].decode())
