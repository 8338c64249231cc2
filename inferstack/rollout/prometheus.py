"""A Prometheus-compatible HTTP API: one address, one moment, plain GET requests.

Requests to Amazon Managed Service for Prometheus are signed with the credentials of this machine.
"""

from __future__ import annotations

import json
import math
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from inferstack.errors import InputError, OutsideError, Problem

TIMEOUT_S: Final = 20
MOST_BYTES: Final = 16 << 20
_AMAZON: Final = re.compile(r"aps-workspaces\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
_CREDENTIALS: Final = "`aws sso login` or `aws configure`, then AWS_PROFILE; the role needs aps:QueryMetrics"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """What was known at ``now`` (seconds since the epoch)."""

    url: str
    now: float = field(default_factory=time.time)

    def number(self, query: str) -> float | None:
        found = self._ask("query", {"query": query, "time": f"{self.now:.3f}"})
        if not found:
            return None
        if len(found) > 1:
            raise OutsideError(f"{self.url}: {len(found)} results where one was expected: {query}")
        return _finite(found[0]["value"][1])

    def points(self, query: str, *, seconds: int, every_s: int) -> Sequence[tuple[float, float]]:
        count = seconds // every_s
        start = self.now - count * every_s
        parameters = {
            "query": query,
            "start": f"{start:.3f}",
            "end": f"{self.now:.3f}",
            "step": str(every_s),
        }
        series = self._ask("query_range", parameters)
        values = series[0]["values"] if series else ()
        steps = ((count - round((float(at) - start) / every_s), _finite(text)) for at, text in values)
        return [(float(left * every_s), value) for left, value in steps if value is not None]

    def _ask(self, path: str, parameters: Mapping[str, str]) -> list[Any]:
        document = _read(_address(self.url, path, parameters), self.url)
        if document.get("status") != "success":
            raise OutsideError(f"{self.url} does not answer the query: {document.get('error', document)}")
        result = document.get("data", {}).get("result")
        if not isinstance(result, list):
            raise OutsideError(f"{self.url} is not a Prometheus API: its answer has no result")
        return result


def prometheus(url: str) -> Prometheus:
    """InputError for what is no address of one."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        accepted = (
            "http(s)://host[:port][/path], without /api/v1: http://localhost:9090, or"
            " https://aps-workspaces.REGION.amazonaws.com/workspaces/ID"
        )
        raise InputError(Problem(message="not an address", path="--prometheus", value=url, accepted=accepted))
    return Prometheus(url.rstrip("/").removesuffix("/api/v1"))


def _address(url: str, path: str, parameters: Mapping[str, str]) -> str:
    """Encoded as signatures want it: a space is no plus sign, and a slash is not itself."""
    query = urllib.parse.urlencode(parameters, safe="-_.~", quote_via=urllib.parse.quote)
    return f"{url}/api/v1/{path}?{query}"


def _read(address: str, shown: str) -> dict[str, Any]:
    request = urllib.request.Request(address, headers=_signature(address))  # noqa: S310 - http(s), checked
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            raw = answer.read(MOST_BYTES)
    except urllib.error.HTTPError as refusal:
        raw = refusal.read(2000)
        said = _said(raw) or refusal.reason
        raise OutsideError(f"{shown} answers {refusal.code}: {said}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise OutsideError(f"{shown} cannot be reached: {reason}") from None
    try:
        document = json.loads(raw)
    except ValueError:
        raise OutsideError(f"{shown} is not a Prometheus API: its answer is not JSON") from None
    return document if isinstance(document, dict) else {}


def _said(raw: bytes) -> str:
    try:
        found = json.loads(raw)
        return str(found.get("error") or found.get("message") or "")
    except (ValueError, AttributeError):
        return ""


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _signature(address: str) -> Mapping[str, str]:
    """Headers of a signed request; none where the address is not Amazon's."""
    host = _AMAZON.fullmatch(urllib.parse.urlsplit(address).hostname or "")
    if host is None:
        return {}
    import boto3  # noqa: PLC0415 - takes its time, and only Amazon's service needs it
    from botocore.auth import SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    try:
        credentials = boto3.Session().get_credentials()
        if credentials is None:
            raise OutsideError(f"no AWS credentials to sign the query with; {_CREDENTIALS}")
        request = AWSRequest(method="GET", url=address)
        SigV4Auth(credentials.get_frozen_credentials(), "aps", host["region"]).add_auth(request)
    except BotoCoreError as error:
        raise OutsideError(f"no AWS credentials that work ({error}); {_CREDENTIALS}") from error
    return dict(request.headers.items())
