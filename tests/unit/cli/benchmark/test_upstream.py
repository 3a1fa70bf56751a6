"""The built-in upstream speaks HTTP/1.1 rightly, and answers in OpenAI's shapes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httptools
import msgspec

from gearshift.cli.benchmark.load import CONTENT_EVENTS, DONE, HOST, THE_END, Target, requests
from gearshift.cli.benchmark.upstream import EVENTS, Connection

TARGET = Target(name="direct", port=1)
PLAIN = next(requests(TARGET, "plain"))
BURST = next(requests(TARGET, "burst"))
PACED = next(requests(TARGET, "paced"))

type_of_talk = Callable[["Client"], Coroutine[Any, Any, None]]


class Client:
    """Talk to a server and read whole answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self.answers: list[bytes] = []

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        assert self._parser.get_status_code() == 200
        self.answers.append(self._body)
        self._body = b""

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, number: int) -> bytes:
        while len(self.answers) <= number:
            data = await self._reader.read(65536)
            assert data, "closed before the answer was complete"
            self._parser.feed_data(data)
        return self.answers[number]

    async def is_closed(self) -> bool:
        while data := await self._reader.read(65536):
            self._parser.feed_data(data)
        return True


def talk(conversation: type_of_talk) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Connection, HOST, 0)
        async with server, asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(HOST, server.sockets[0].getsockname()[1])
            await conversation(Client(reader, writer))
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())


def test_a_completion_is_about_a_kilobyte_of_json_and_the_connection_stays_open() -> None:
    async def conversation(client: Client) -> None:
        await client.send(PLAIN)
        await client.send(PLAIN)
        for number in range(2):
            body = await client.answer(number)
            document = msgspec.json.decode(body)
            assert 900 < len(body) < 1200
            assert document["choices"][0]["message"]["content"].endswith(THE_END.decode())
            assert document["usage"]["total_tokens"] == 57 + CONTENT_EVENTS

    talk(conversation)


def test_a_request_may_come_in_pieces_and_in_chunks() -> None:
    async def conversation(client: Client) -> None:
        head, _, body = BURST.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
        chunked = b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b"%x" % len(body), body, b"0", b"", b""])
        for part in (chunked[:30], chunked[30:400], chunked[400:]):
            await client.send(part)
        assert (await client.answer(0)).endswith(DONE)

    talk(conversation)


def test_a_stream_has_its_events_its_usage_and_its_end_then_the_next_request_is_served() -> None:
    async def conversation(client: Client) -> None:
        for number, request in enumerate((BURST, PACED)):
            await client.send(request)
            events = (await client.answer(number)).split(b"\n\n")[:-1]
            assert len(events) == EVENTS
            documents = [msgspec.json.decode(event.removeprefix(b"data: ")) for event in events[:-1]]
            text = "".join(each["choices"][0]["delta"].get("content", "") for each in documents[:-1])
            assert text.endswith(THE_END.decode())
            assert documents[-2]["choices"][0]["finish_reason"] == "stop"
            assert documents[-1]["usage"]["completion_tokens"] == CONTENT_EVENTS

    talk(conversation)


def test_a_probe_gets_an_empty_list() -> None:
    async def conversation(client: Client) -> None:
        await client.send(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        assert msgspec.json.decode(await client.answer(0)) == {"object": "list", "data": []}

    talk(conversation)


def test_what_is_not_json_is_answered_as_not_streamed() -> None:
    async def conversation(client: Client) -> None:
        await client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[{")
        assert THE_END in await client.answer(0)

    talk(conversation)


def test_connection_close_is_honoured() -> None:
    async def conversation(client: Client) -> None:
        await client.send(PLAIN.replace(b"Host:", b"Connection: close\r\nHost:"))
        await client.answer(0)
        assert await client.is_closed()

    talk(conversation)


def test_what_is_not_http_closes_the_connection() -> None:
    async def conversation(client: Client) -> None:
        await client.send(b"\x16\x03\x01 hello\r\n\r\n")
        assert await client.is_closed()
        assert client.answers == []

    talk(conversation)


def test_a_request_during_a_stream_closes_the_connection() -> None:
    async def conversation(client: Client) -> None:
        await client.send(PACED)
        await client.send(PLAIN)
        assert await client.is_closed()
        assert client.answers == []

    talk(conversation)
