"""An OpenAI-compatible server of the tests' own: asyncio, loopback, told by the test how to behave.

The first part of the path names the backend, so one server stands for several: ``/model-chat/v1/...``.
"""

from __future__ import annotations

import asyncio
import json
import threading
import zlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.loopback import HOST, LoopThread, serve

DIMENSIONS = 256
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


@dataclass
class Behaviour:
    """How one backend answers."""

    status: int = 200
    delay_s: float = 0.0
    chunks: int = 3
    gap_s: float = 0.0
    prompt_tokens: int = 100
    """What a whole chat answer says that the prompt had."""
    gate: threading.Event | None = None
    """A stream sends its first chunk and waits for this before the rest."""


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    backend: str
    path: str
    authorization: str
    body: Mapping[str, Any]


@dataclass
class FakeBackend(LoopThread):
    """The server; ``seen`` and ``behaviour`` are the test's view of it."""

    name: str
    seen: list[Seen] = field(default_factory=list)
    behaviour: dict[str, Behaviour] = field(default_factory=lambda: defaultdict(Behaviour))
    port: int = 0

    def reset(self) -> None:
        self.seen.clear()
        self.behaviour.clear()

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for item in self.seen:
            found[item.backend] += 1
        return dict(found)

    async def listen(self) -> list[asyncio.Server]:
        server = await asyncio.start_server(partial(serve, self._request), HOST, 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        return [server]

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {
            name.strip().lower(): text.strip() for name, _, text in (ln.partition(":") for ln in lines)
        }
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
        path = first.split(" ")[1]
        backend = path.split("/")[1]
        self.seen.append(Seen(backend, path, headers.get("authorization", ""), body))
        await self._answer(writer, self.behaviour[backend], backend, body)
        return True

    async def _answer(
        self, writer: asyncio.StreamWriter, behaviour: Behaviour, backend: str, body: Mapping[str, Any]
    ) -> None:
        if behaviour.delay_s:
            await asyncio.sleep(behaviour.delay_s)
        if behaviour.status != 200:
            error = {"error": {"message": f"{backend} says {behaviour.status}", "code": behaviour.status}}
            _whole(writer, behaviour.status, error)
        elif "input" in body:
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            data = [
                {"object": "embedding", "index": place, "embedding": vector(text)}
                for place, text in enumerate(texts)
            ]
            _whole(writer, 200, {"object": "list", "data": data, "model": body["model"], "usage": USAGE})
        elif body.get("stream"):
            await self._stream(writer, behaviour, backend, body)
        else:
            message = {"role": "assistant", "content": f"from {self.name}/{backend}"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            prompt, answer = behaviour.prompt_tokens, USAGE["completion_tokens"]
            usage = {**USAGE, "prompt_tokens": prompt, "total_tokens": prompt + answer}
            _whole(writer, 200, _reply(body, "chat.completion", choice) | {"usage": usage})
        await writer.drain()

    async def _stream(
        self, writer: asyncio.StreamWriter, behaviour: Behaviour, backend: str, body: Mapping[str, Any]
    ) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        asked = body["messages"][-1]["content"]
        for number in range(behaviour.chunks):
            delta = {"role": "assistant", "content": f"[{asked}:{number}]"}
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            _event(writer, json.dumps(_reply(body, "chat.completion.chunk", choice)))
            await writer.drain()
            if number == 0 and behaviour.gate is not None:
                await asyncio.to_thread(behaviour.gate.wait, 20)
            await asyncio.sleep(behaviour.gap_s)
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        _event(writer, json.dumps(_reply(body, "chat.completion.chunk", end)))
        _event(writer, "[DONE]")
        writer.write(b"0\r\n\r\n")


def vector(text: str) -> list[float]:
    """Words, counted: texts with mostly the same words are alike, in whatever order."""
    found = [0.0] * DIMENSIONS
    for word in text.lower().split():
        found[zlib.crc32(word.encode()) % DIMENSIONS] += 1.0
    return found


def _reply(body: Mapping[str, Any], kind: str, choice: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": "x", "object": kind, "created": 1, "model": body.get("model"), "choices": [choice]}


def _event(writer: asyncio.StreamWriter, text: str) -> None:
    data = f"data: {text}\n\n".encode()
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _whole(writer: asyncio.StreamWriter, status: int, document: Mapping[str, Any]) -> None:
    data = json.dumps(document).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
