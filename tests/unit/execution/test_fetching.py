"""Fetching, against real servers on this machine: honest ones, hostile ones, and doors that must stay shut."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gearshift.errors import InvalidRequest
from gearshift.execution import fetching
from gearshift.execution.fetching import MAX_FILES, Bounds, Fetcher, Files
from gearshift.protocols.inlining import Want
from tests.fakes.upstream import Scene, ScriptedUpstream, Wire, http

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
BOUNDS = Bounds(max_bytes=4096, timeout=5.0)


def anywhere(address: str) -> bool:
    return ip_address(address).is_loopback


def image(url: str, place: str = "messages[0].content[1]") -> Want:
    return Want(url, "image", place)


def gives(data: bytes = PNG, content_type: str = "image/png", status: int = 200, *lines: str) -> Scene:
    async def scene(wire: Wire) -> None:
        wire.head(status, content_type, *lines, length=len(data))
        wire.send(data)

    return scene


def says(*pieces: bytes) -> Scene:
    async def scene(wire: Wire) -> None:
        for piece in pieces:
            wire.send(piece)

    return scene


def fetched(
    *scenes: Scene,
    wants: Callable[[str], Sequence[Want]] | None = None,
    bounds: Bounds = BOUNDS,
    then: Callable[[ScriptedUpstream], Awaitable[None]] | None = None,
) -> dict[str, tuple[str, bytes]]:
    """Fetch from a scripted server; `wants` are made of its address."""

    async def scene() -> dict[str, tuple[str, bytes]]:
        async with ScriptedUpstream(*scenes) as server:
            base = server.base_url.removesuffix("/v1")
            asked = [image(f"{base}/a.png")] if wants is None else wants(base)
            try:
                return dict(await Fetcher(bounds, allowed=anywhere).fetch(asked))
            finally:
                if then is not None:
                    await then(server)

    return asyncio.run(scene())


def refused(*scenes: Scene, bounds: Bounds = BOUNDS) -> str:
    """Give why a file could not be had: always with its field, never with its URL."""
    with pytest.raises(InvalidRequest) as error:
        fetched(*scenes, bounds=bounds)
    assert error.value.param == "messages[0].content[1]"
    assert error.value.message.startswith("messages[0].content[1]: ")
    assert error.value.message.endswith("send its bytes as base64")
    assert "127.0.0.1" not in error.value.message
    return error.value.message


def test_a_file_is_fetched_without_a_key_or_a_cookie() -> None:
    async def look(server: ScriptedUpstream) -> None:
        (seen,) = server.log
        assert (seen.method, seen.target, seen.body) == ("GET", "/a.png?sig=1%2F2", b"")
        assert set(seen.headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}

    found = fetched(gives(), wants=lambda base: [image(f"{base}/a.png?sig=1%2F2#part")], then=look)
    assert list(found.values()) == [("image/png", PNG)]


def test_files_are_fetched_together_and_each_once() -> None:
    both = asyncio.Event()
    count = 0

    async def together(wire: Wire) -> None:
        nonlocal count
        count += 1
        if count == 2:
            both.set()
        await both.wait()  # neither is answered before the other was asked for
        await gives()(wire)

    async def look(server: ScriptedUpstream) -> None:
        assert sorted(seen.target for seen in server.log) == ["/a.png", "/b.png"]

    names = ("a", "b", "a", "a")
    found = fetched(together, wants=lambda base: [image(f"{base}/{name}.png") for name in names], then=look)
    assert len(found) == 2


def test_a_body_that_its_connection_ends_is_whole() -> None:
    async def scene(wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n" + PNG)
        await wire.then("close")

    assert list(fetched(scene).values()) == [("image/png", PNG)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    async def look(server: ScriptedUpstream) -> None:
        assert len(server.log) == 1

    with pytest.raises(InvalidRequest, match="a redirect, which is not followed"):
        fetched(gives(b"", "text/plain", status, "location: http://169.254.169.254/latest/meta-data"), then=look)


@pytest.mark.parametrize("status", [204, 206, 403, 404, 500])
def test_another_status_is_no_file(status: int) -> None:
    assert f"found {status} at its address, expected 200" in refused(gives(b"", status=status))


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"<html>internal</html>", "text/html"),
        (b"<html>internal</html>", "image/png"),
        (PNG, "text/html"),
        (b'{"Token": "internal"}', "application/json"),
        (b"", "image/png"),
    ],
)
def test_what_is_no_image_is_refused_and_not_shown(data: bytes, content_type: str) -> None:
    assert "internal" not in refused(gives(data, content_type))


def test_a_file_that_is_too_large_is_given_up_at_the_bound() -> None:
    async def endless(wire: Wire) -> None:
        wire.head(content_type="image/png", length=None)
        wire.piece(PNG)
        while not wire.gone.is_set():
            wire.piece(bytes(1024))
            await asyncio.sleep(0)

    assert "found more than 4096 bytes in the files of this request" in refused(endless)


def test_the_bound_is_that_of_all_files_together() -> None:
    half = PNG + bytes(2500)
    with pytest.raises(InvalidRequest, match="more than 4096 bytes in the files"):
        fetched(gives(half), wants=lambda base: [image(f"{base}/{name}.png") for name in "ab"])
    assert len(fetched(gives(half))) == 1


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n\x89PNG", b"HTTP/1.1 2"])
def test_a_server_that_says_no_more_is_given_up(before: bytes) -> None:
    async def silent(wire: Wire) -> None:
        wire.send(before)
        await wire.gone.wait()

    async def look(server: ScriptedUpstream) -> None:
        for wire in server.connections:
            await wire.gone.wait()  # it was let go of

    with pytest.raises(InvalidRequest, match=r"not fetched within 0\.1 s"):
        fetched(silent, bounds=Bounds(max_bytes=4096, timeout=0.1), then=look)


def test_a_file_that_fails_stops_the_others() -> None:
    async def scene(wire: Wire) -> None:
        assert wire.seen is not None
        if wire.seen.target == "/bad.png":
            await gives(b"", status=404)(wire)
        else:
            await wire.gone.wait()

    with pytest.raises(InvalidRequest) as error:
        fetched(scene, wants=lambda base: [image(f"{base}/slow.png", "a"), image(f"{base}/bad.png", "b")])
    assert error.value.param == "b"


@pytest.mark.parametrize(
    "scene",
    [
        says(b"SSH-2.0-OpenSSH_9.9\r\n"),
        says(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x8b"),
        says(b"HTTP/1.1 200 OK\r\nx: " + bytes(70_000)),
    ],
    ids=["not-http", "compressed", "long-head"],
)
def test_what_is_not_http_as_asked_for_is_refused(scene: Scene) -> None:
    assert "found no whole answer in HTTP" in refused(scene)


@pytest.mark.parametrize("then", ["close", "reset"])
def test_an_answer_that_is_cut_is_refused(then: str) -> None:
    async def scene(wire: Wire) -> None:
        wire.send(http(b"", "content-type: image/png", "content-length: 500") + PNG)
        await asyncio.sleep(0)
        await wire.then("close" if then == "close" else "reset")

    assert "found no whole answer in HTTP" in refused(scene)


def closed(url: str, message: str) -> None:
    """Check that nothing is asked for at `url`, by the check that serves."""

    async def scene() -> None:
        with pytest.raises(InvalidRequest, match=message):
            await Fetcher(BOUNDS).fetch([image(url)])

    asyncio.run(scene())


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "168.63.129.16",
    ],
)
def test_a_host_inside_is_refused(host: str) -> None:
    async def scene() -> None:
        async with ScriptedUpstream(gives()) as server:
            port = server.base_url.rpartition(":")[2].removesuffix("/v1")
            with pytest.raises(InvalidRequest, match="found a host that does not lead to the public internet"):
                await Fetcher(BOUNDS).fetch([image(f"http://{host}:{port}/a.png")])
            assert server.connections == []

    asyncio.run(scene())


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///a.png",
        "http://user:pass@example.com/a.png",
        "http://example.com:99999/a.png",
        "http://example.com:x/a.png",
        "http://exa mple.com/a.png",
        "http://example.com/a\r\nx-evil: 1",
        "http://example.com/a\tb",
        "http://example.com/ä.png",
        "http://bücher.example/a.png",
        "http://example.com\\@127.0.0.1/",
        "http://[::1/a.png",
        "http://example.com/" + "a" * 9000,
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    closed(url, "found a text that is no http")


def answers_with(monkeypatch: pytest.MonkeyPatch, *answers: Sequence[str]) -> list[str]:
    """Have names lead to these addresses, one answer after the other; give the names that were asked for."""
    asked: list[str] = []
    left = list(answers)

    def look_up(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in left.pop(0)]

    monkeypatch.setattr(fetching, "getaddrinfo", look_up)
    return asked


def test_a_name_that_does_not_exist_is_told_like_one_that_leads_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(fetching, "getaddrinfo", nowhere)
    closed("http://example.com/a.png", "found a host that does not lead to the public internet")


def test_one_address_inside_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answers_with(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    closed("http://example.com/a.png", "does not lead to the public internet")


def test_a_name_is_looked_up_once_and_the_checked_address_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers_with(monkeypatch, ["127.0.0.1"])  # a second look-up would fail

    async def look(server: ScriptedUpstream) -> None:
        (seen,) = server.log
        assert seen.headers["host"].startswith("pictures.example:")

    def wants(base: str) -> list[Want]:
        return [image(base.replace("127.0.0.1", "pictures.example") + "/a.png")]

    assert list(fetched(gives(), wants=wants, then=look).values()) == [("image/png", PNG)]
    assert asked == ["pictures.example"]


def test_the_next_address_is_tried_where_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answers_with(monkeypatch, ["127.0.0.2", "127.0.0.1"])

    def wants(base: str) -> list[Want]:
        return [image(base.replace("127.0.0.1", "pictures.example") + "/a.png")]

    assert len(fetched(gives(), wants=wants)) == 1


def test_a_host_that_nobody_answers_at_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers_with(monkeypatch, ["127.0.0.1"])

    async def scene() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://pictures.example:{unused.getsockname()[1]}/a.png"
            with pytest.raises(InvalidRequest, match="no connection to its host"):
                await Fetcher(BOUNDS, allowed=anywhere).fetch([image(url)])

    asyncio.run(scene())


def test_too_many_files_are_refused_before_any_is_fetched() -> None:
    async def scene() -> None:
        wants = [image(f"http://127.0.0.1/{number}", f"m[{number}]") for number in range(MAX_FILES + 1)]
        with pytest.raises(InvalidRequest, match=f"more than {MAX_FILES} files") as error:
            await Fetcher(BOUNDS, allowed=anywhere).fetch(wants)
        assert error.value.param == f"m[{MAX_FILES}]"

    asyncio.run(scene())


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Give the context of a server called `name`, and that of a client who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "cert.pem").write_bytes(made.public_bytes(pem) + key.private_bytes(pem, *plain))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem")
    return server, ssl.create_default_context(cafile=str(folder / "cert.pem"))


@pytest.mark.parametrize("case", ["good", "untrusted", "of-another"])
def test_a_certificate_must_be_the_host_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, case: str) -> None:
    server_tls, client_tls = certified(tmp_path, "other.example" if case == "of-another" else "pictures.example")
    answers_with(monkeypatch, ["127.0.0.1"])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(PNG, "content-type: image/png", f"content-length: {len(PNG)}"))
        await writer.drain()
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server_tls)
        async with server:
            url = f"https://pictures.example:{server.sockets[0].getsockname()[1]}/a.png"
            fetcher = Fetcher(BOUNDS, tls=None if case == "untrusted" else client_tls, allowed=anywhere)
            if case == "good":
                assert (await fetcher.fetch([image(url)]))[url] == ("image/png", PNG)
                return
            with pytest.raises(InvalidRequest, match="found no certificate that can be trusted"):
                await fetcher.fetch([image(url)])

    asyncio.run(scene())


def test_without_leave_nothing_is_fetched() -> None:
    async def scene() -> None:
        with pytest.raises(InvalidRequest) as error:
            await Files(None).get([image("http://127.0.0.1/a.png")], "aws")
        assert error.value.message == (
            "messages[0].content[1]: found a URL, aws takes the bytes of an image only; send its bytes as base64, "
            "or have the operator allow media.fetch"
        )

    asyncio.run(scene())


def test_an_exchange_fetches_a_file_once() -> None:
    async def scene() -> None:
        async with ScriptedUpstream(gives()) as server:
            files = Files(Fetcher(BOUNDS, allowed=anywhere))
            for _ in range(2):
                found = await files.get([image(server.base_url)], "aws")
                assert found[server.base_url] == ("image/png", PNG)
            assert len(server.log) == 1

    asyncio.run(scene())
