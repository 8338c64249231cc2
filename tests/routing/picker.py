"""A picker of the tests' own: ext_proc over TLS with a certificate of its own, and every way to fail.

It answers as the real one does: nothing until the whole body is there, then the headers with the replica, then
the body in pieces.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import grpc
import grpc.aio

from tests.certificate import self_signed
from tests.loopback import LoopThread
from tests.routing import ext_proc

PIECE = 62_000
Mood = Literal["well", "hangs", "breaks off", "talks nonsense", "names nobody", "refuses", "garbles"]


@dataclass
class Picker(LoopThread):
    """``choose`` says which replica takes a body; ``mood`` how it goes wrong."""

    choose: Callable[[bytes], str]
    mood: Mood = "well"
    asked: int = 0
    answers: int = 0
    """Answers of model servers that passed through here: there should be none."""
    port: int = 0
    before: Callable[[], None] | None = None
    """Called when a body is complete and nothing is answered yet."""
    headers: list[dict[str, str]] = field(default_factory=list)

    def kill(self) -> None:
        """At once: streams are cut, nothing listens any more."""
        asyncio.run_coroutine_threadsafe(self._server.stop(None), self._loop).result(10)

    def stop(self) -> None:
        self.kill()
        super().stop()

    def reset(self) -> None:
        self.mood, self.asked, self.answers, self.before = "well", 0, 0, None
        self.headers.clear()

    async def listen(self) -> list[asyncio.Server]:
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        key, certificate = self_signed()
        credentials = grpc.ssl_server_credentials([(key, certificate)])
        self.port = self._server.add_secure_port(f"127.0.0.1:{self.port}", credentials)
        await self._server.start()
        return []  # it stops its own

    async def process(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        self.asked += 1
        body = b""
        async for request in requests:
            kind = _kind(request)
            if kind == "request_headers":
                pairs = request.request_headers.headers.headers
                self.headers.append({item.key: item.raw_value.decode() for item in pairs})
                complete = request.request_headers.end_of_stream
            elif kind == "request_body":
                body += request.request_body.body
                complete = request.request_body.end_of_stream
            else:
                self.answers += 1
                continue
            if complete:
                async for answer in self._answer(body, context, has_body=kind == "request_body"):
                    yield answer

    async def _answer(self, body: bytes, context: Any, *, has_body: bool) -> AsyncIterator[Any]:
        if self.before is not None:
            self.before()
        if self.mood == "hangs":
            await asyncio.sleep(3600)
        elif self.mood == "breaks off":
            await context.abort(grpc.StatusCode.INTERNAL, "told to")
        elif self.mood == "talks nonsense":
            yield ext_proc.Response(request_body={"response": {}})
        elif self.mood == "refuses":
            yield ext_proc.Response(immediate_response={"status": {"code": 503}})
        else:
            async for answer in self._chosen(body, has_body=has_body):
                yield answer

    async def _chosen(self, body: bytes, *, has_body: bool) -> AsyncIterator[Any]:
        replica = {"names nobody": "", "garbles": "not an address"}.get(self.mood)
        replica = self.choose(body) if replica is None else replica
        header = {"header": {"key": "x-gateway-destination-endpoint", "raw_value": replica.encode()}}
        mutation = {"set_headers": [header] if replica else []}
        yield ext_proc.Response(request_headers={"response": {"header_mutation": mutation}})
        for start in range(0, len(body), PIECE) if has_body else ():
            piece = {"body": body[start : start + PIECE], "end_of_stream": start + PIECE >= len(body)}
            streamed = {"body_mutation": {"streamed_response": piece}}
            yield ext_proc.Response(request_body={"response": streamed})


def _kind(request: Any) -> str:
    return next(found.name for found, _ in request.ListFields())


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, picker: Picker) -> None:
        self._picker = picker

    def service(self, handler_call_details: Any) -> Any:
        if handler_call_details.method == ext_proc.METHOD:
            return grpc.stream_stream_rpc_method_handler(
                self._picker.process, ext_proc.Request.FromString, lambda answer: answer.SerializeToString()
            )
        if handler_call_details.method == ext_proc.HEALTH:
            return grpc.unary_unary_rpc_method_handler(_healthy)
        return None


async def _healthy(_request: bytes, _context: Any) -> bytes:
    return ext_proc.SERVING
