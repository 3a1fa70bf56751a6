"""Own GET: one bounded answer from a URL, for lists of models and for newer prices.

Invariants: no redirects, certificates verified, nothing unpacked, at most so many bytes and seconds; an error of the
library never crosses this module, nor does its text (it may hold a URL with a key).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from gearshift.errors import UpstreamInvalid, UpstreamTimeout, UpstreamUnreachable
from gearshift.types.catalog import Seconds

_OK: Final = 200
_CHUNK: Final = 64 * 1024


class Content(Protocol):
    """Be a body that arrives piece by piece."""

    async def read(self, n: int = -1) -> bytes:
        """Give at most `n` bytes of what has arrived, b"" at the end."""
        ...


async def fetch(url: str, headers: Mapping[str, str], *, limit: int, patience: Seconds) -> bytes:
    """Give the body at `url`, of at most `limit` bytes within `patience` seconds; raise GearshiftError in our words."""
    import aiohttp

    try:
        async with asyncio.timeout(patience), aiohttp.ClientSession(trust_env=True, auto_decompress=False) as session:
            plain = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "gearshift", **headers}
            async with session.get(url, headers=plain, allow_redirects=False) as reply:
                if reply.status != _OK:
                    raise UpstreamInvalid(f"answered {reply.status}, expected 200")
                return await _body(reply.content, limit)
    except TimeoutError:
        raise UpstreamTimeout(f"no answer within {patience:g} s", phase="total") from None
    except aiohttp.ClientConnectorError as error:
        raise UpstreamUnreachable(f"no connection ({type(error).__name__}); check the URL and that it is up") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise UpstreamInvalid(f"no usable answer ({type(error).__name__}); check the URL") from None


async def _body(content: Content, limit: int) -> bytes:
    pieces, size = list[bytes](), 0
    while piece := await content.read(_CHUNK):
        size += len(piece)
        if size > limit:
            raise UpstreamInvalid(f"found more than {limit} bytes, expected at most so many")
        pieces.append(piece)
    return b"".join(pieces)
