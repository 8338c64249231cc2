"""Digests of images that run by tag, from a registry that wants a token first, as public ones do."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from inferstack.preflight.checks.image_digest import IMAGE_DIGEST
from inferstack.preflight.needs import TaggedImage, needs_of
from inferstack.preflight.registry import MANIFESTS, RegistryError, digest_of
from inferstack.preflight.types import Status
from tests.example_graphs import graph
from tests.preflight.conftest import needs

DIGEST = f"sha256:{'ab' * 32}"


class Registry(BaseHTTPRequestHandler):
    """``team/vllm:v1`` is there; ``open/…`` needs no token, ``shut/…`` wants a login, ``mute/…`` says no digest."""

    def do_HEAD(self) -> None:
        path = self.path.removeprefix("/v2/")
        assert self.headers["Accept"] == MANIFESTS
        repository, tag = path.split("/manifests/")
        if repository.startswith("shut/"):
            self._say(401, {"WWW-Authenticate": 'Basic realm="here"'})
        elif repository == "team/vllm" and self.headers.get("Authorization") != "Bearer for team/vllm":
            place = f"http://{self.headers['Host']}/token"
            scope = f'service="registry",scope="repository:{repository}:pull"'
            self._say(401, {"WWW-Authenticate": f'Bearer realm="{place}",{scope}'})
        elif repository.startswith("mute/"):
            self._say(200, {})
        else:
            self._say(200 if tag == "v1" else 404, {"Docker-Content-Digest": DIGEST})

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        assert asked["service"] == ["registry"]
        token = f"for {asked['scope'][0].split(':')[1]}"
        self._say(200, {}, json.dumps({"token": token}).encode())

    def _say(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def registry():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("repository", ["team/vllm", "open/vllm"])
def test_a_tag_has_a_digest(registry, repository):
    assert digest_of(f"{registry}/{repository}:v1") == DIGEST


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("team/vllm:v2", "answered 404"),
        ("open/vllm:v2", "answered 404"),
        ("shut/vllm:v1", "asks for a login"),
        ("mute/vllm:v1", "named no digest"),
    ],
)
def test_a_registry_that_does_not_say_is_an_error(registry, reference, said):
    with pytest.raises(RegistryError, match=said):
        digest_of(f"{registry}/{reference}")


def test_nobody_there_is_an_error():
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9"):
        digest_of("127.0.0.1:9/team/vllm:v1")


def test_without_asking_it_says_how_to(look):
    wanted = needs(tagged_images=(TaggedImage(name="vllm", reference="docker.io/vllm/vllm-openai:v0.33.0"),))
    (found,) = look(IMAGE_DIGEST, wanted=wanted)
    assert (found.status, found.where) == (Status.WARN, "image vllm")
    assert found.fix is not None
    assert "--images" in found.fix


def test_asked_for_it_is_the_command_that_pins(look, registry):
    wanted = needs(tagged_images=(TaggedImage(name="vllm", reference=f"{registry}/team/vllm:v1"),))
    (found,) = look(IMAGE_DIGEST, wanted=wanted, ask_registries=True)
    assert found.status is Status.WARN
    command = f"pulumi config set --path 'inferstack:imageDigests.vllm' {DIGEST} --stack "
    assert found.fix is not None
    assert found.fix.startswith(command)


def test_no_answer_is_unknown(look, registry):
    wanted = needs(tagged_images=(TaggedImage(name="vllm", reference=f"{registry}/team/vllm:v2"),))
    (found,) = look(IMAGE_DIGEST, wanted=wanted, ask_registries=True)
    assert found.status is Status.UNKNOWN


def test_images_with_a_digest_are_not_among_them(look):
    assert look(IMAGE_DIGEST, wanted=needs()) == ()
    found = {image.name: image.reference for image in needs_of(graph("prod-eu")).tagged_images}
    assert found["vllm"].startswith("docker.io/vllm/vllm-openai:v")
    assert not [reference for reference in found.values() if "@" in reference]
