"""The face: HTTP in, HTTP out, nothing else. The inference path is bare ASGI."""
