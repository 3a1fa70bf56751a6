"""Drive one client in Python: a job comes as JSON on stdin (see `../driving.py`), a line of JSON leaves for each scene.

Run by the Python of `.venv/clients`, where the clients are installed; the tests' own Python has none of them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

CLIENTS = {"langchain": "chain", "pydantic-ai": "agent", "llm": "shell"}


async def main() -> None:
    """Play the scenes of the job."""
    job: dict[str, Any] = json.load(sys.stdin)
    family, _, kind = job["client"].partition("/")
    sys.path.insert(0, str(Path(__file__).parent))
    client = import_module(CLIENTS[family]).client(kind, job)
    for scene in job["scenes"]:
        line: dict[str, Any] = {"scene": scene["name"]}
        try:
            line["told"] = await getattr(client, scene["verb"])(scene["prompt"], scene["model"])
        except Exception as error:  # noqa: BLE001 - whatever a client raises is what the test wants to see
            line["error"] = described(error)
        sys.stdout.write(json.dumps(line) + "\n")


def described(error: Exception) -> dict[str, Any]:
    """Give an error's class, where it stands, its status and its words."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    kind = f"{type(error).__module__.partition('.')[0]}.{type(error).__name__}"
    return {"class": kind, "status": status if isinstance(status, int) else None, "message": str(error)}


if __name__ == "__main__":
    asyncio.run(main())
