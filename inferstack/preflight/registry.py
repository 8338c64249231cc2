"""One question to an image registry, asked on request only: which digest does this tag have now?

OCI distribution specification 1.1 (HEAD of a manifest) with the token challenge that public registries answer
anonymous pulls with.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from email.message import Message
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

TIMEOUT_S: Final = 10
DOCKER_HUB: Final = {"docker.io": "registry-1.docker.io"}
"""Names of registries that are reached at another host."""
MANIFESTS: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')


class RegistryError(Exception):
    """The registry gave no digest."""


def digest_of(reference: str) -> str:
    """``sha256:...`` of ``host/path:tag``: of its index where it has one, which fits nodes of every kind."""
    name, _, tag = reference.rpartition(":")
    host, _, path = name.partition("/")
    base = f"{_scheme(host)}://{DOCKER_HUB.get(host, host)}"
    url = f"{base}/v2/{path}/manifests/{tag}"
    try:
        headers = _head(url, None)
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise RegistryError(f"{host} answered {error.code}") from error
        headers = _with_token(url, host, error.headers)
    except OSError as error:
        raise RegistryError(f"{host}: {error}") from error
    digest = headers.get("Docker-Content-Digest", "")
    if DIGEST.fullmatch(digest) is None:
        raise RegistryError(f"{host} named no digest")
    return digest


def _scheme(host: str) -> str:
    """Plain HTTP on this machine only, as container runtimes have it."""
    return "http" if host.partition(":")[0] in ("localhost", "127.0.0.1") else "https"


def _head(url: str, token: str | None) -> Message:
    request = urllib.request.Request(url, method="HEAD", headers={"Accept": MANIFESTS})  # noqa: S310  see _scheme
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        headers: Message = answer.headers
        return headers


def _with_token(url: str, host: str, challenge: Message) -> Message:
    """Asks again as the registry's own token service lets anybody."""
    asked = dict(_PARAMETER.findall(challenge.get("WWW-Authenticate", "")))
    realm = asked.pop("realm", "")
    if urlsplit(realm).scheme not in ("https", _scheme(host)):
        raise RegistryError(f"{host} asks for a login")
    try:
        with urllib.request.urlopen(f"{realm}?{urlencode(asked)}", timeout=TIMEOUT_S) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return _head(url, str(found.get("token") or found.get("access_token") or ""))
    except urllib.error.HTTPError as error:
        raise RegistryError(f"{host} answered {error.code}") from error
    except (OSError, ValueError) as error:
        raise RegistryError(f"{host}: {error}") from error
