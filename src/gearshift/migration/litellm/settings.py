"""Own LiteLLM's settings beside its models: what has a counterpart here, and the list of all that has none.

Source: https://docs.litellm.ai/docs/proxy/config_settings, https://docs.litellm.ai/docs/proxy/timeout, read 2026-11-27.
Invariant: each setting is carried or listed. `router_settings` win over `litellm_settings`, as in LiteLLM.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gearshift.config.document import Document
from gearshift.config.model import MIB, ReliabilityConfig
from gearshift.config.overrides import Path
from gearshift.config.values import MAX_DURATION, show
from gearshift.migration.findings import Findings, Reason, place, shown
from gearshift.migration.litellm.entries import mapping, unset
from gearshift.migration.litellm.numbers import number, plain, whole
from gearshift.migration.litellm.reasons import MAX_NAMED, OTHER_SETTING, SECTIONS, SETTINGS
from gearshift.migration.litellm.secrets import Secrets

_READ: Final = frozenset({"model_list", "credential_list"})
_SETTINGS: Final = ("router_settings", "litellm_settings", "general_settings")
ANY: Final = "*"
"""Stands for every model that has no fallbacks of its own."""
_SIMPLE: Final = "simple-shuffle"
_MAX_ATTEMPTS: Final = 20
_MAX_RETRIES: Final = 10
_DEADLINE: Final = 600
_STREAMED: Final = ("first_token_timeout", "stall_timeout")
_MASTER: Final = "GEARSHIFT_ADMIN_KEY"
_NO_TIME: Final = Reason(f"expected seconds, above 0 and at most {MAX_DURATION:g}", "state it under `reliability`")
_NO_TRIES: Final = Reason("expected a whole number from 0 on", "state `reliability.max_attempts`")
_NO_SECTION: Final = Reason("expected a mapping", "write it as LiteLLM documents it")
_OVERRULED: Final = Reason("router_settings say otherwise, and win in LiteLLM too", "nothing is needed")
_NO_FALLBACKS: Final = Reason("expected a list such as [{model: [others]}]", "state `fallbacks` of the model")
_NO_SIZE: Final = Reason("expected 1 to 1024 MiB", "state `server.max_body_bytes`")


class Settings:
    """Collect the sections of a config beside providers, models and routers."""

    def __init__(self, document: Document, secrets: Secrets, findings: Findings) -> None:
        """Take a LiteLLM config."""
        self._document = document
        self._secrets = secrets
        self._findings = findings
        self.server: dict[str, Any] = {}
        self.reliability: dict[str, Any] = {}
        self.logging: dict[str, Any] = {}
        self.aliases: list[tuple[Path, str, object]] = []
        self.fallbacks: list[tuple[Path, str, object]] = []

    def read(self) -> None:
        """Read all settings."""
        for path, value in self._stated():
            if not self._carry(path, value):
                self._leave(path, value)
        times = self.reliability
        for key in _STREAMED if "answer_timeout" in times else ():
            # LiteLLM's timeout is that of streams too, unless they have their own.
            times.setdefault(key, times["answer_timeout"])
        if not {"answer_timeout", *_STREAMED} <= times.keys():
            self._findings.assume(
                "reliability: Gearshift's own time limits, where LiteLLM waits for an hour and more; models that think "
                "for long may need a longer first_token_timeout than 10s"
            )

    def allow(self, longest: int) -> None:
        """Allow as many calls as there are deployments to try for one request."""
        tries = self.reliability.get("max_attempts", ReliabilityConfig().max_attempts)
        if tries < longest:
            self.reliability["max_attempts"] = min(longest, _MAX_ATTEMPTS)
            self._findings.assume(
                "reliability.max_attempts: as many as a model has deployments and fallbacks, so that each is tried"
            )

    def _stated(self) -> Iterator[tuple[Path, Any]]:
        """List every setting that is not empty, those of `_SETTINGS` and of the environment one by one."""
        for section, value in self._document.items():
            if section in _READ or unset(value):
                continue
            inner = section in _SETTINGS or section == "environment_variables"
            if inner and not isinstance(value, dict):
                self._findings.leave((section,), shown(section, value), _NO_SECTION)
            elif inner:
                yield from (((section, key), each) for key, each in value.items() if not unset(each))
            else:
                yield (section,), value

    def _leave(self, path: Path, value: object) -> None:
        section, key = str(path[0]), str(path[-1])
        reasons = SETTINGS if section in _SETTINGS else SECTIONS
        known = reasons.get(key) or SECTIONS.get(section)
        if known is not None and value is False:
            return  # switched off, as it is here
        text = _fallbacks(value) if key.endswith("fallbacks") else shown(key, value, plain=key in MAX_NAMED)
        self._findings.leave(path, text, known or OTHER_SETTING)

    def _carry(self, path: Path, value: object) -> bool:
        """Carry a setting that has a counterpart; say whether it had one."""
        match path:
            case ("router_settings", "model_group_alias"):
                self._add_aliases(path, value)
            case ("router_settings" | "litellm_settings", "fallbacks" | "default_fallbacks"):
                self._add_fallbacks(path, value)
            case ("router_settings" | "litellm_settings", "num_retries"):
                self._add_tries(path, value)
            case ("router_settings", "timeout") | ("litellm_settings", "request_timeout"):
                self._add_time(path, value)
            case ("router_settings", "stream_timeout"):
                self._add_stream_time(path, value)
            case ("router_settings", "routing_strategy") if value == _SIMPLE:
                pass
            case ("general_settings", "master_key"):
                self._add_master_key(path, value)
            case ("general_settings", "store_prompts_in_spend_logs") if isinstance(value, bool):
                self.logging["content"] = value
            case ("general_settings", "max_request_size_mb"):
                self._add_size(path, value)
            case _:
                return False
        return True

    def _add_aliases(self, path: Path, value: object) -> None:
        if isinstance(value, dict):
            self.aliases += [((*path, name), name, target) for name, target in value.items()]
        else:
            self._findings.leave(path, show(value), _NO_SECTION)

    def _add_fallbacks(self, path: Path, value: object) -> None:
        """Take `[{model: [others]}]`, or the default ones, which are those of every model without its own."""
        if self._overruled(path, str(path[1])):
            self._findings.leave(path, _fallbacks(value), _OVERRULED)
        elif path[1] == "default_fallbacks":
            self.fallbacks.append((path, ANY, value))
        elif isinstance(value, list) and all(isinstance(each, dict) for each in value):
            for at, each in enumerate(value):
                self.fallbacks += [((*path, at, name), name, others) for name, others in each.items()]
        else:
            self._findings.leave(path, shown("fallbacks", value), _NO_FALLBACKS)

    def _add_tries(self, path: Path, value: object) -> None:
        retries = number(value)
        if retries is None or retries < 0 or retries != retries.to_integral_value():
            self._findings.leave(path, shown("num_retries", value), _NO_TRIES)
        elif self._overruled(path, "num_retries"):
            self._findings.leave(path, shown("num_retries", value), _OVERRULED)
        else:
            self.reliability["max_attempts"] = min(int(retries) + 1, _MAX_ATTEMPTS)
            self.reliability["retries"] = min(int(retries), _MAX_RETRIES)
            self._findings.assume(
                f"{place(path)}: taken as one call and so many more, to the next deployment where there is one"
            )

    def _add_time(self, path: Path, value: object) -> None:
        if (seconds := self._seconds(path, value)) is None:
            return
        if self._overruled(path, "timeout"):
            self._findings.leave(path, shown("timeout", value), _OVERRULED)
            return
        self.reliability["answer_timeout"] = seconds
        if seconds > _DEADLINE:
            self.reliability["deadline"] = seconds

    def _add_stream_time(self, path: Path, value: object) -> None:
        if (seconds := self._seconds(path, value)) is not None:
            self.reliability |= {"first_token_timeout": seconds, "stall_timeout": seconds}

    def _seconds(self, path: Path, value: object) -> int | float | None:
        found = number(value)
        if found is None or not 0 < found <= int(MAX_DURATION):
            self._findings.leave(path, shown("timeout", value), _NO_TIME)
            return None
        return plain(found)

    def _overruled(self, path: Path, key: str) -> bool:
        """Say whether `router_settings` have set what `litellm_settings` would set."""
        stated = mapping(self._document.get("router_settings")).get(key)
        return path[0] == "litellm_settings" and not unset(stated)

    def _add_master_key(self, path: Path, value: object) -> None:
        if (reference := self._secrets.reference(value, path, _MASTER)) is not None:
            self.server |= {"keys": [reference], "admin_key": reference}
            self._findings.assume(
                "server.host: 127.0.0.1, where LiteLLM listens on every address; set it to let other machines in"
            )

    def _add_size(self, path: Path, value: object) -> None:
        if (size := whole(value)) is not None and size <= MIB // 1024:
            self.server["max_body_bytes"] = size * MIB
        else:
            self._findings.leave(path, shown("max_request_size_mb", value), _NO_SIZE)


def _fallbacks(value: object) -> str:
    """Name fallbacks: `gpt-4o to claude, mistral`."""
    told = []
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            told += [
                f"{shown('model', name, plain=True)} to {shown('models', to, plain=True)}" for name, to in each.items()
            ]
        else:
            told.append(shown("model", each, plain=True))
    return "; ".join(told[:8])
