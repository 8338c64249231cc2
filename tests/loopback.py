"""What servers of the tests' own share: free ports, a loop in a thread, whether somebody answers."""

from __future__ import annotations

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

HOST = "127.0.0.1"
Request = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind((HOST, 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def free_port() -> int:
    return free_ports(1)[0]


def answers(url: str) -> bool:
    """Whether somebody says that all is well there."""
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


class LoopThread(ABC):
    """asyncio servers in a thread of their own, from ``start`` to ``stop``."""

    @abstractmethod
    async def listen(self) -> list[asyncio.Server]:
        """Those that answer from now on."""

    def start(self) -> Self:
        self._loop, self._ready = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self._thread.start()
        assert self._ready.wait(10), f"{type(self).__name__} did not start"
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        servers = self._loop.run_until_complete(self.listen())
        self._ready.set()
        self._loop.run_forever()
        for server in servers:
            server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()


async def serve(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection: ``request`` after request while they say that it goes on."""
    try:
        while await request(reader, writer):
            pass
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass
    finally:
        writer.close()
