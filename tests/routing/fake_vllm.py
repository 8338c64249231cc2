"""Replicas of the tests' own: OpenAI-shaped answers, vLLM's metrics, a queue that can be full.

All run in one loop. A replica is an address (127.0.0.N, one port for all), as pods are.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.loopback import LoopThread, serve

MODEL = "chat"


@dataclass(frozen=True)
class Seen:
    replica: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def prompt(self) -> str:
        return str(json.loads(self.body)["messages"][0]["content"])


@dataclass
class Replica:
    """One server: what it says and what it is told to do."""

    host: str
    status: int = 200
    waiting: int = 0
    kv_usage: float = 0.0
    drops: bool = False
    """Connections end without an answer."""
    gate: threading.Event | None = None
    """A stream sends its first piece and waits for this before the rest."""
    cancelled: threading.Event = field(default_factory=threading.Event)

    def metrics(self) -> str:
        labels = f'{{model_name="{MODEL}",engine="0"}}'
        size = '{block_size="16",num_gpu_blocks="8000",engine="0"}'
        return "".join(
            f"# TYPE {name} gauge\n{name}{tags} {value}\n"
            for name, tags, value in (
                ("vllm:num_requests_waiting", labels, self.waiting),
                ("vllm:num_requests_running", labels, 0),
                ("vllm:kv_cache_usage_perc", labels, self.kv_usage),
                ("vllm:cache_config_info", size, 1),
            )
        )


@dataclass
class Fleet(LoopThread):
    """Replicas on a port of their own each (``ports``) or all on one."""

    hosts: tuple[str, ...]
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    replicas: dict[str, Replica] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def reset(self) -> None:
        self.seen.clear()
        for host in self.hosts:
            self.replicas[host] = Replica(host)

    def counts(self) -> dict[str, int]:
        return {host: sum(one.replica == host for one in self.seen) for host in self.hosts}

    def address(self, host: str) -> str:
        return f"{host}:{self.ports[host]}"

    async def listen(self) -> list[asyncio.Server]:
        self.reset()
        servers = []
        for host in self.hosts:
            handler = partial(serve, partial(self._request, host))
            servers.append(await asyncio.start_server(handler, host, self.port, backlog=1024, limit=2**27))
            self.ports[host] = servers[-1].sockets[0].getsockname()[1]
        return servers

    async def _request(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.strip().lower(): text.strip() for name, _, text in pairs}
        body, replica = await _body(reader, headers), self.replicas[host]
        if path == "/metrics":
            _whole(writer, 200, replica.metrics().encode(), "text/plain")
            return True
        self.seen.append(Seen(replica.host, method, path, headers, body))
        if replica.drops:
            return False
        if replica.status != 200:
            error = {"error": {"message": f"{replica.host} says {replica.status}"}}
            _whole(
                writer, replica.status, json.dumps(error).encode(), "application/json", "retry-after: 1\r\n"
            )
        elif _streams(body):
            await self._stream(replica, reader, writer)
        else:
            _whole(writer, 200, _completion(replica.host), "application/json")
        await writer.drain()
        return True

    async def _stream(
        self, replica: Replica, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for number in range(4):
            _chunk(writer, b"data: " + _piece(f"{replica.host} {number} ") + b"\n\n")
            await writer.drain()
            if number == 0 and replica.gate is not None:
                await self._held(replica, replica.gate, reader)
        _chunk(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")

    async def _held(self, replica: Replica, gate: threading.Event, reader: asyncio.StreamReader) -> None:
        """Until the gate opens; a caller that goes away meanwhile is noted, as vLLM aborts its request."""
        while not gate.is_set():
            if reader.at_eof():
                replica.cancelled.set()
                raise ConnectionError
            await asyncio.sleep(0.005)


def _completion(host: str) -> bytes:
    message = {"role": "assistant", "content": host}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
    return json.dumps(
        {**_head("chat.completion"), "from": host, "choices": [choice], "usage": usage}
    ).encode()


def _piece(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return json.dumps({**_head("chat.completion.chunk"), "choices": [choice]}).encode()


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": MODEL}


def _streams(body: bytes) -> bool:
    try:
        return bool(json.loads(body or b"{}").get("stream"))
    except ValueError:
        return False


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    found = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        found += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return found


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _whole(writer: asyncio.StreamWriter, status: int, data: bytes, kind: str, more: str = "") -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{more}content-length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
