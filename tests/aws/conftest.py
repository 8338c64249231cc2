"""One moto server on loopback for the tier; each test starts with an empty account."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Address of the server; managed policies of AWS are loaded, so that a misspelt one is refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        for name in (
            "AWS_PROFILE",
            "AWS_CA_BUNDLE",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "http_proxy",
            "https_proxy",
        ):
            patch.delenv(name, raising=False)
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        made = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        made.start()
        _, port = made.get_host_and_port()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            with contextlib.suppress(Exception):
                made.stop()


@pytest.fixture
def endpoint(server: str) -> str:
    urlopen(Request(f"{server}/moto-api/reset", method="POST"), timeout=30).close()
    return server
