"""A cloud that really has what is made in it: boto3 against a moto server, asked one resource at a time.

``Cloud.create`` takes what a Pulumi provider takes (type, name, inputs) and gives what it gives (id, outputs).
botocore checks every request against AWS's own service model before moto sees it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from tests.aws.shapes import plain

Inputs = dict[str, Any]
Made = tuple[str, dict[str, Any]]
Maker = Callable[["Cloud", str, Inputs], Made]
MAKERS: dict[str, Maker] = {}
UNSUPPORTED: Mapping[str, str] = yaml.safe_load(
    (Path(__file__).parent / "unsupported.yaml").read_text(encoding="utf-8")
)
"""Types that moto does not know, and why that is so."""
NOT_THERE = ("NotImplemented", "404", "500", "501", "UnknownOperationException", "InvalidAction")
PATIENCE = Config(retries={"total_max_attempts": 1}, connect_timeout=30, read_timeout=120)


def makes(kind: str) -> Callable[[Maker], Maker]:
    """Registers the maker of a Pulumi type."""

    def register(maker: Maker) -> Maker:
        assert kind not in MAKERS, kind
        MAKERS[kind] = maker
        return maker

    return register


class Unsupported(Exception):  # noqa: N818 - an answer, not an error
    """moto does not know the operation; the request itself was sound."""


@dataclass
class Cloud:
    """``made`` holds each resource by type and name."""

    endpoint: str
    region: str
    account: str
    made: dict[tuple[str, str], str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    """Types whose requests moto did not know."""

    def client(self, service: str) -> Any:
        return client(self.endpoint, service, self.region)

    def create(self, kind: str, name: str, inputs: Mapping[str, Any]) -> Made:
        """Makes a resource; one moto does not know keeps its inputs and a made-up id."""
        assert kind in MAKERS, f"{kind} needs a maker in tests/aws/make_*.py, and a name in terraform.yaml"
        values = plain(inputs)
        region = values.pop("region", None)
        here = self if region is None else Cloud(self.endpoint, region, self.account)
        try:
            identity, outputs = MAKERS[kind](here, name, dict(values))
        except Unsupported:
            self.refused.add(kind)
            identity, outputs = f"{name}-0000000", {"arn": f"arn:aws:x:{self.region}:{self.account}:{name}"}
        self.made[kind, name] = identity
        return identity, outputs


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session(aws_access_key_id="testing", aws_secret_access_key="testing")


_MAKING = threading.Lock()
_CLIENTS: dict[tuple[str, str, str], Any] = {}


def client(endpoint: str, service: str, region: str) -> Any:
    """Clients may be shared between threads, making them may not."""
    assert endpoint.startswith("http://127.0.0.1:"), "tests stay on this machine"
    with _MAKING:
        key = (endpoint, service, region)
        if key not in _CLIENTS:
            _CLIENTS[key] = _session().client(
                service, endpoint_url=endpoint, region_name=region, config=PATIENCE
            )
        return _CLIENTS[key]


def maybe(call: Callable[..., Any], **request: Any) -> Any:
    """A request that moto may not know: botocore has checked it by then."""
    try:
        return call(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] in NOT_THERE:
            raise Unsupported from None
        raise
    except ResponseParserError as error:
        # where the protocol is XML, moto's own NotImplementedError comes as a page of its web server
        if "500 Internal Server Error" in str(error):
            raise Unsupported from None
        raise


def physical(name: str, limit: int) -> str:
    """The name Pulumi gives: the logical one, a dash and seven digits; AWS's limit is checked here."""
    full = f"{name}-a1b2c3d"
    assert len(full) <= limit, f"{full} has {len(full)} characters, {limit} are allowed"
    return full
