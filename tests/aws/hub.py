"""A Hugging Face Hub on loopback: one repository, its files and their hashes, for the real client."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".bin")
"""Kept outside git: the Hub states their SHA-256."""


@dataclass
class Hub:
    """``requests`` are method, path and bearer token, in order."""

    repository: str
    files: dict[str, bytes]
    token: str | None = None
    """Asked for, as of gated repositories."""
    corrupt: frozenset[str] = frozenset()
    """Sent other than stated."""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    address: str = ""

    def info(self) -> bytes:
        siblings = [
            {
                "rfilename": name,
                "size": len(body),
                **({"lfs": self._lfs(body)} if name.endswith(LARGE) else {}),
            }
            for name, body in self.files.items()
        ]
        return json.dumps({"id": self.repository, "sha": COMMIT, "siblings": siblings}).encode()

    def _lfs(self, body: bytes) -> dict[str, object]:
        return {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 134}

    def downloads(self) -> list[str]:
        marker = f"/resolve/{COMMIT}/"
        return [
            path.partition(marker)[2]
            for method, path, _ in self.requests
            if method == "GET" and marker in path
        ]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        hub.requests.append((self.command, path, token))
        if hub.token is not None and token != hub.token:
            self._send(401, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."})
        elif path.startswith(f"/api/models/{hub.repository}"):
            self._send(200, hub.info(), {"Content-Type": "application/json"})
        else:
            self._file(path.partition(f"/{hub.repository}/resolve/")[2].partition("/")[2])

    def _file(self, name: str) -> None:
        if name not in self.hub.files:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        body = self.hub.files[name]
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        sent = bytes(reversed(body)) if name in self.hub.corrupt else body
        self._send(200, sent, {"ETag": etag, "X-Repo-Commit": COMMIT})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's name
        """Silence."""


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
