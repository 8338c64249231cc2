"""A Prometheus API of the tests' own on loopback: answers by query, as it was told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Told:
    """``values``: by query; of a range, the value that every point has, for ``ages`` seconds."""

    values: dict[str, float | str] = field(default_factory=dict)
    age_s: float = 0.0
    before: float | None = None
    """What it was earlier; None: nothing."""
    status: int = 200
    body: str | None = None
    seen: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    """Paths and headers."""
    queries: list[str] = field(default_factory=list)


@contextmanager
def answering(told: Told) -> Iterator[str]:
    """Its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {key: found[0] for key, found in parse_qs(parts.query).items()}
            told.seen.append((parts.path, dict(self.headers)))
            told.queries.append(asked["query"])
            document = _range(told, asked) if parts.path.endswith("query_range") else _instant(told, asked)
            body = (told.body if told.body is not None else json.dumps(document)).encode()
            self.send_response(told.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _instant(told: Told, asked: Mapping[str, str]) -> dict[str, Any]:
    value = told.values.get(asked["query"])
    found = [] if value is None else [{"metric": {}, "value": [float(asked["time"]), str(value)]}]
    return {"status": "success", "data": {"resultType": "vector", "result": found}}


def _range(told: Told, asked: Mapping[str, str]) -> dict[str, Any]:
    value = told.values.get(asked["query"])
    start, end, step = float(asked["start"]), float(asked["end"]), float(asked["step"])
    points = []
    for index in range(round((end - start) / step) + 1):
        at = start + index * step
        here = value if end - at <= told.age_s else told.before
        if here is not None:
            points.append([at, str(here)])
    found = [{"metric": {}, "values": points}] if points else []
    return {"status": "success", "data": {"resultType": "matrix", "result": found}}
