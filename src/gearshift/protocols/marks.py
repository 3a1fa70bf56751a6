"""Own where a prompt is marked for a provider's cache."""

from __future__ import annotations

from gearshift.types.chat import Request


def is_marked(request: Request) -> bool:
    """Say whether the caller asks a provider to keep any of the prompt in its cache."""
    if request.cache is not None:
        return True
    for tool in request.tools:
        if tool.cache is not None:
            return True
    for message in request.messages:
        for part in message.parts:
            if getattr(part, "cache", None) is not None:
                return True
    return False
