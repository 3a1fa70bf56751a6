"""Own how commands ask a running gateway: its admin API, by its URL and the operator's key."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import typer

from gearshift.cli.inspect import find_config
from gearshift.config import Config, resolve_secret
from gearshift.errors import DataError, GearshiftError

KEY: Final = "GEARSHIFT_ADMIN_KEY"
TIMEOUT: Final = 30

Url = Annotated[str | None, typer.Option(help="URL of the gateway; default: where the config has it listen.")]
File = Annotated[Path | None, typer.Option(help="Config file; default: as serve.")]


class NoGateway(GearshiftError):
    """Say that no gateway answers."""

    code = "no_gateway"


class Client:
    """Ask one gateway."""

    def __init__(self, url: str | None, config: Config) -> None:
        """Take where it is, and the config that says where else; the key is `GEARSHIFT_ADMIN_KEY` or the config's."""
        self.url = (url or f"http://{config.server.host}:{config.server.port}").rstrip("/")
        reference = config.server.admin_key
        own = resolve_secret(reference, os.environ).reveal() if reference else None
        self._key = os.environ.get(KEY) or own

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask for something."""
        said = {name: str(value) for name, value in (query or {}).items() if value is not None}
        return self._ask("GET", f"{path}?{urlencode(said)}" if said else path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have something done."""
        return self._ask("POST", path, json.dumps(body).encode())

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have something changed."""
        return self._ask("PATCH", path, json.dumps(body).encode())

    def delete(self, path: str) -> dict[str, Any]:
        """Have something ended."""
        return self._ask("DELETE", path, None)

    def _ask(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        headers = {
            "content-type": "application/json",
            **({"authorization": f"Bearer {self._key}"} if self._key else {}),
        }
        asked = Request(f"{self.url}/admin/v1{path}", data=body, headers=headers, method=method)  # noqa: S310 - http
        try:
            with urlopen(asked, timeout=TIMEOUT) as reply:  # noqa: S310 - the operator's own
                found: dict[str, Any] = json.load(reply)
                return found
        except HTTPError as error:
            raise DataError(_message(error)) from None
        except URLError as error:
            todo = "start one with `gearshift serve`, or name it with --url"
            raise NoGateway(f"found no gateway at {self.url} ({error.reason}); {todo}") from None


def client(url: str | None, file: Path | None) -> Client:
    """Give who asks the gateway of a config."""
    return Client(url, find_config(file))


def _message(error: HTTPError) -> str:
    try:
        told = json.load(error)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        told = f"found status {error.code}, expected a gateway"
    return f"{told} (set {KEY})" if error.code in {401, 403} else str(told)
