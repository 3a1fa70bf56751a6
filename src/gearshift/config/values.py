"""Own the kinds of values that stand in a config: what each accepts, and the fault that it raises.

Every fault reads `found X, expected Y`; `faults` puts the key before it. A value that may be a secret is not shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sized
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Final, TypeAlias, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, Strict
from pydantic_core import PydanticCustomError

from gearshift.config.names import suggestion
from gearshift.types.catalog import (
    CAPABILITIES,
    EXTENSIONS,
    MEDIA_KINDS,
    NANO_PER_USD,
    QUANTIZATIONS,
    NanoUSDPerMillion,
    OnCancel,
    Prefill,
    Seconds,
)
from gearshift.types.ledger import WhenFull

PROTOCOLS: Final = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "bedrock_converse")
MAX_DURATION: Final = 86_400.0
MAX_USD: Final = 1_000_000
"""Nothing costs a million dollars per million tokens; a larger number is a slip of the unit."""

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SECRET: Final = re.compile(r"(sk|pk|rk|gsk|csk|xai|hf|fw|ghp|pplx|nvapi|key|tgp)[-_]|AIza|eyJ", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+", re.DOTALL)
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
"""What may stand in a URL as it is: a project, a region, the name of a parameter."""
_MODEL: Final = re.compile(r"[^\s*?\[\]\x00-\x1f\x7f]{1,200}")
_HEADER: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_LONG: Final = 32
_SHOWN: Final = 80
MEMORY: Final = "memory://"


def fault(message: str) -> PydanticCustomError:
    """Make a fault of a sentence that begins with "found"."""
    return PydanticCustomError("gearshift", "{message}", {"message": message})


def show(value: object) -> str:
    """Name a found value for a message: short, on one line, and never a secret."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)[:_SHOWN]
        case str():
            return "a text (not shown)" if _may_be_secret(value) else f'"{value[:_SHOWN]}"'
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def _may_be_secret(text: str) -> bool:
    """Say whether a text looks like a key, or is no text for a message."""
    if _SECRET.match(text) or not text.isprintable():
        return True
    dense = len(text) >= _LONG and re.fullmatch(r"[A-Za-z0-9_+/=-]+", text) is not None
    return dense and any(c.isupper() for c in text) and any(c.isdigit() for c in text)


def _duration(value: object) -> float:
    expected = "expected a duration above 0 and at most 24h: seconds, or a text such as 600s, 2m or 500ms"
    seconds: float = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
        seconds = float(found[1]) * _UNITS[found[2]]
    if not 0 < seconds <= MAX_DURATION:
        raise fault(f"found {show(value)}, {expected}")
    return float(seconds)


def _interval(value: object) -> float:
    if value == "0s" or (value == 0 and not isinstance(value, bool)):
        return 0.0
    return _duration(value)


def _usd_per_million(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_USD:
        raise fault(f"found {show(value)}, expected US dollars per million tokens, from 0 to {MAX_USD}")
    return round(Decimal(str(value)) * NANO_PER_USD)


def _reference(value: str) -> str:
    if not _REFERENCE.fullmatch(value):
        raise fault(
            "found a text that is no reference (not shown), expected env:NAME or file:PATH; "
            "secrets are never written into the config"
        )
    return value


def _base_url(value: str) -> str:
    if not _is_url(value):
        raise fault("found a text that is no URL (not shown), expected one such as https://host/v1")
    if set(value) & set("@?#"):
        raise fault("found a URL with credentials, query or fragment (not shown), expected https://host/path")
    return value.rstrip("/")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            and text.isascii()
            and " " not in text
            and text.isprintable()
        )
    except ValueError:
        return False


def _store(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme in {"postgresql", "postgres"}:
        user = rest.partition("@")[0] if "@" in rest else ""
        if ":" in user or "password=" in rest:
            raise fault(
                "found a password in the URL, expected none; PostgreSQL's own ways hold it: the variable PGPASSWORD, "
                "PGPASSFILE or ~/.pgpass"
            )
        return value
    if scheme != "sqlite" or not rest.startswith("/") or rest in {"/", "/:memory:"}:
        raise fault(
            f"found {show(scheme)} as the kind of store, expected sqlite:///PATH or postgresql://USER@HOST/NAME"
        )
    return value


def _shared(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme in {"valkey", "valkeys", "redis", "rediss"} and rest:
        if ":" in rest.rpartition("@")[0]:
            raise fault("found a password in the URL, expected none; the variable REDISCLI_AUTH holds it")
        return value
    if value != MEMORY:
        raise fault("found another kind of shared state, expected memory:// or valkey://HOST:6379")
    return value


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise fault(f"found {show(value)} as a name, expected letters, digits, dots, dashes and underscores")
    return value


def is_model_name(value: str) -> bool:
    """Say whether a model may be called so."""
    return _MODEL.fullmatch(value) is not None and value.isprintable()


def _model_name(value: str) -> str:
    if not is_model_name(value):
        raise fault(f"found {show(value)} as a name, expected 1 to 200 characters without blanks, *, ?, [ and ]")
    return value


def _label(value: str) -> str:
    if not LABEL.fullmatch(value):
        raise fault(f"found {show(value)}, expected letters, digits, dots, colons, dashes and underscores")
    return value


def _header(value: str) -> str:
    lowered = value.lower()
    if not _HEADER.fullmatch(lowered):
        raise fault("found a text that is no header name, expected one such as authorization or x-api-key")
    return lowered


def _capabilities(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value not in CAPABILITIES:
            known = ", ".join(sorted(CAPABILITIES))
            raise fault(f"found {show(value)}, expected some of {known}{suggestion(value, CAPABILITIES)}")
    return tuple(sorted(set(values)))


Filled = TypeVar("Filled", bound=Sized)


def filled(value: Filled) -> Filled:
    """Refuse what is empty; pydantic's own check of a length would also blame a list whose items have faults."""
    if not len(value):
        raise fault("found it empty, expected at least one entry")
    return value


def one_of(*words: str) -> Callable[[str], str]:
    """Give a check that a text is one of `words`."""

    def check(value: str) -> str:
        if value not in words:
            raise fault(f"found {show(value)}, expected {', '.join(words)}{suggestion(value, words)}")
        return value

    return check


def _unsupported(value: object) -> None:
    raise fault(f"found {show(value)}, but this is not supported in this version; remove it")


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Whole: TypeAlias = Annotated[int, Strict()]
Number: TypeAlias = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Switch: TypeAlias = Annotated[bool, Strict()]
Duration: TypeAlias = Annotated[Seconds, BeforeValidator(_duration)]
Interval: TypeAlias = Annotated[Seconds, BeforeValidator(_interval)]
"""A duration, or 0 for never."""
UsdPerMillion: TypeAlias = Annotated[NanoUSDPerMillion, BeforeValidator(_usd_per_million)]
Reference: TypeAlias = Annotated[str, AfterValidator(_reference)]
BaseUrl: TypeAlias = Annotated[str, AfterValidator(_base_url)]
StoreUrl: TypeAlias = Annotated[str, AfterValidator(_store)]
SharedUrl: TypeAlias = Annotated[str, AfterValidator(_shared)]
Id: TypeAlias = Annotated[str, AfterValidator(_id)]
ModelName: TypeAlias = Annotated[str, AfterValidator(_model_name)]
Label: TypeAlias = Annotated[str, AfterValidator(_label)]
Header: TypeAlias = Annotated[str, AfterValidator(_header)]
Capabilities: TypeAlias = Annotated[tuple[str, ...], AfterValidator(_capabilities)]
Protocol: TypeAlias = Annotated[str, AfterValidator(one_of(*PROTOCOLS))]
DataCollection: TypeAlias = Annotated[str, AfterValidator(one_of("allow", "deny"))]
Quantization: TypeAlias = Annotated[str, AfterValidator(one_of(*QUANTIZATIONS))]
PrefillWord: TypeAlias = Annotated[str, AfterValidator(one_of(*get_args(Prefill)))]
OnCancelWord: TypeAlias = Annotated[str, AfterValidator(one_of(*get_args(OnCancel)))]
WhenFullWord: TypeAlias = Annotated[WhenFull, BeforeValidator(one_of(*get_args(WhenFull)))]
Extensions: TypeAlias = tuple[Annotated[str, AfterValidator(one_of(*EXTENSIONS))], ...]
MediaKinds: TypeAlias = tuple[Annotated[str, AfterValidator(one_of(*MEDIA_KINDS))], ...]
Unsupported: TypeAlias = Annotated[None, BeforeValidator(_unsupported)]
