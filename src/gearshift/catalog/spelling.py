"""Own what a caller's name of a model denotes, where nobody here has exactly that name.

People write one model in many ways: `GPT-5.5`, `openai/gpt-5.5`, `claude-sonnet-4.5`, `claude-sonnet-4-5-20250929`,
`claude-sonnet-4-5@20250929` (Vertex AI), `us.anthropic.claude-sonnet-4-5-20250929-v1:0` (Bedrock),
`~anthropic/claude-sonnet-latest` (OpenRouter), `qwen3` for `qwen3:latest` (Ollama).

Invariants: a name is read as another only where it is truthfully the same model, and what was read as what is told. A
snapshot never becomes another one; an author, a provider or a region that was named is kept to. Where more than one
model could be meant, all of them are given and the caller is asked. Pure.
Sources: https://openrouter.ai/~anthropic/claude-sonnet-latest, https://docs.anthropic.com/en/docs/about-claude/models,
https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html, https://docs.ollama.com/api
("Model names"), read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Final

from msgspec import Struct

from gearshift.types.catalog import Deployment

MAX_CHARACTERS: Final = 300
"""Nobody's name is longer; what is, is not looked at."""
_SHOWN: Final = 100

_AUTHORS: Final = {
    "deepseek-ai": "deepseek",
    "meta": "meta-llama",
    "minimaxai": "minimax",
    "mistral": "mistralai",
    "moonshot": "moonshotai",
    "xai": "x-ai",
    "zai": "z-ai",
    "zai-org": "z-ai",
}
"""Authors that are called by more than one name, and the one that OpenRouter calls them by."""
_FAMILIES: Final = {
    "anthropic": "claude",
    "amazon": "nova",
    "cohere": "command",
    "deepseek": "deepseek",
    "google": "gemini|gemma",
    "meta-llama": "llama",
    "minimax": "minimax",
    "mistralai": r"mistral|ministral|mixtral|codestral|devstral|magistral|pixtral|voxtral",
    "moonshotai": "kimi",
    "openai": r"gpt|chatgpt|o[1345]",
    "qwen": r"qwen\d*|qwq",
    "x-ai": "grok",
    "z-ai": "glm",
}
"""How the names of each author's models begin."""
_BY_FAMILY: Final = {author: re.compile(rf"(?:{names})(?:-|$)") for author, names in _FAMILIES.items()}
_SHELF: Final = re.compile(r"(?:publishers/(?P<author>[^/]+)/models/|accounts/[^/]+/models/|models/)(?=.)")
"""Where Vertex AI, Fireworks and Gemini say that a model stands."""
_BEDROCK: Final = re.compile(
    r"(?:(?P<region>[a-z]{2,6}(?:-[a-z]+)?)\.)?(?P<author>ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|"
    r"mistral|moonshot|moonshotai|nvidia|openai|qwen|writer|zai)\.(?P<name>.+?)(?:(?<=\d{8})-v\d+|-v1)?(?::\d+)?"
)
"""A Bedrock id. Behind a day its `-v2` tells two releases of one snapshot apart; elsewhere it tells two models."""
_ANYWHERE: Final = "global"
_LATEST: Final = re.compile(r"(?:-latest|@latest|@default|:latest)$")
_DATED: Final = re.compile(r"[-@](20\d\d)(-?)(\d\d)\2(\d\d)$")
_POINT: Final = re.compile(r"(?<=\d)\.(?=\d)")


class Spelling(Struct, frozen=True, kw_only=True):
    """Hold a name taken apart; None: it does not say.

    `stem` is the name without what stands beside it, `snapshot` a day (`20250929`), `region` that of a Bedrock profile.
    `newest`: the newest model of the family `stem` is meant.
    """

    stem: str
    author: str | None = None
    region: str | None = None
    snapshot: str | None = None
    newest: bool = False

    @property
    def writer(self) -> str | None:
        """Give the author, without the place before it; by the family where none is named."""
        if self.author is not None:
            name = self.author.rpartition("/")[2]
            return _AUTHORS.get(name, name)
        return next((who for who, names in _BY_FAMILY.items() if names.match(self.stem)), None)

    @property
    def family(self) -> str:
        """Give the stem without its version."""
        return "-".join(word for word in self.stem.split("-") if not word.isdecimal())

    @property
    def version(self) -> tuple[int, ...]:
        """Give the numbers in the stem: of a family, the highest are the newest."""
        return tuple(int(word) for word in self.stem.split("-") if word.isdecimal())


def parse(text: str) -> Spelling:
    """Take a name apart; it is at most `MAX_CHARACTERS` long."""
    name = text.lower()
    newest = name.startswith("~") and _LATEST.search(name) is not None
    name = name.removeprefix("~") if newest else name
    shelf = _SHELF.match(name)
    author = shelf["author"] if shelf else None
    name = name[shelf.end() if shelf else 0 :]
    if "/" in name:
        author, _, name = name.rpartition("/")
    region = None
    if author is None and (profile := _BEDROCK.fullmatch(name)):
        region, author, name = profile["region"], profile["author"], profile["name"]
    plain = _LATEST.sub("", name)
    snapshot = None
    if (dated := _DATED.search(plain)) and _is_day(*map(int, dated.group(1, 3, 4))):
        snapshot, plain = "".join(dated.group(1, 3, 4)), plain[: dated.start()]
    return Spelling(
        stem=_POINT.sub("-", plain),
        author=None if author is None else _AUTHORS.get(author, author),
        region=None if region == _ANYWHERE else region,
        snapshot=snapshot,
        newest=newest,
    )


class Meaning(Struct, frozen=True, kw_only=True):
    """Hold one model that a name may denote, those of its deployments that it does, and how it came to be read so.

    `name` is the model's, or where only one of its deployments is meant, that one's id.
    """

    model: str
    deployments: tuple[Deployment, ...]
    name: str
    told: str


class _Known(Struct, frozen=True):
    """Hold a deployment under one of its names."""

    deployment: Deployment
    spelling: Spelling
    snapshot: str | None
    """The day that any of its names says."""


class Spellings:
    """Find what names denote among deployments."""

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        """Take all that can be meant."""
        self._models: dict[str, list[Deployment]] = {}
        self._exact: tuple[dict[str, list[Deployment]], ...] = ({}, {})
        self._stems: dict[str, list[_Known]] = {}
        self._families: dict[str, list[_Known]] = {}
        for each in deployments:
            self._models.setdefault(each.model, []).append(each)
            for names, at in zip(((each.model, each.id), _given(each)), self._exact, strict=True):
                for name in dict.fromkeys(name.lower() for name in names):
                    at.setdefault(name, []).append(each)
            for known in _known(each):
                self._stems.setdefault(known.spelling.stem, []).append(known)
                self._families.setdefault(known.spelling.family, []).append(known)

    def find(self, stated: str) -> tuple[Meaning, ...]:
        """Give the models that `stated` may denote: none, the one, or all of several."""
        if len(stated) > MAX_CHARACTERS:
            return ()
        name = stated.lower()
        for exact in self._exact:
            if name in exact:
                return self._meanings(stated, exact[name], "")
        place, _, rest = name.partition("/")
        at_place = self._denoted(parse(rest), lambda each: each.provider.id.lower() == place) if rest else {}
        found = at_place or self._denoted(parse(name), lambda _: True)
        why = "; ".join(dict.fromkeys(filter(None, found.values())))
        return self._meanings(stated, [each for each in self._all(found) if each.id in found], why)

    def near(self, stated: str) -> list[str]:
        """Name the models that are another snapshot, or another's, of what `stated` says."""
        if len(stated) > MAX_CHARACTERS:
            return []
        alike = self._stems.get(parse(stated).stem, ())
        return list(dict.fromkeys(known.deployment.model for known in alike))

    def _denoted(self, stated: Spelling, allowed: Callable[[Deployment], bool]) -> dict[str, str]:
        """Give the ids of the deployments that a spelling denotes, each with what there is to say of it."""
        if stated.newest:
            return self._newest(stated, allowed)
        found: dict[str, str] = {}
        for known in self._stems.get(stated.stem, ()):
            why = _why(stated, known) if allowed(known.deployment) else None
            if why is not None:
                found.setdefault(known.deployment.id, why)
        return found

    def _newest(self, stated: Spelling, allowed: Callable[[Deployment], bool]) -> dict[str, str]:
        """Give the ids of the newest of a family's deployments."""
        family = [
            known
            for known in self._families.get(stated.stem, ())
            if allowed(known.deployment) and _is_author(stated, known)
        ]
        newest = max((known.spelling.version for known in family), default=())
        why = "the newest of its family here"
        return {known.deployment.id: why for known in family if known.spelling.version == newest}

    def _all(self, found: dict[str, str]) -> Iterable[Deployment]:
        return (each for group in self._models.values() for each in group if each.id in found)

    def _meanings(self, stated: str, deployments: Iterable[Deployment], why: str) -> tuple[Meaning, ...]:
        """Group deployments by their models."""
        groups: dict[str, list[Deployment]] = {}
        for each in deployments:
            groups.setdefault(each.model, []).append(each)
        return tuple(self._meaning(stated, model, group, why) for model, group in groups.items())

    def _meaning(self, stated: str, model: str, group: list[Deployment], why: str) -> Meaning:
        ids = [model] if len(group) == len(self._models[model]) else [each.id for each in group]
        told = f"{stated[:_SHOWN]!r} was read as {' and '.join(ids)}" + (f", {why}" if why else "")
        return Meaning(model=model, deployments=tuple(group), name=ids[0] if len(ids) == 1 else model, told=told)


def _given(each: Deployment) -> tuple[str, str]:
    """Give what a deployment is called by its provider, alone and behind the provider."""
    return each.name, f"{each.provider.id}/{each.name}"


def _known(each: Deployment) -> tuple[_Known, ...]:
    """Give a deployment under both its names, once where they say the same."""
    spellings = dict.fromkeys(parse(name[:MAX_CHARACTERS]) for name in (each.model, each.name))
    snapshot = next((spelling.snapshot for spelling in reversed(spellings) if spelling.snapshot), None)
    return tuple(_Known(each, spelling, snapshot) for spelling in spellings)


def _why(stated: Spelling, known: _Known) -> str | None:
    """Say why a spelling denotes what is known, "" where it goes without saying; None: it does not."""
    if not _is_author(stated, known):
        return None
    if stated.region is not None and stated.region != known.spelling.region:
        return None
    if stated.snapshot is None:
        return f"which stands for its snapshot {known.snapshot} here" if known.snapshot else ""
    if stated.snapshot == known.snapshot:
        return ""
    only = known.deployment.only_snapshot
    if known.snapshot is None and only is not None and parse(only).snapshot == stated.snapshot:
        return "of which the catalogue knows no other snapshot"
    return None


def _is_author(stated: Spelling, known: _Known) -> bool:
    return stated.author in {None, known.spelling.author, known.spelling.writer}


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
