"""The AWS account behind the credentials of this machine, read-only.

Import it late: boto3 takes its time. Credentials that are missing, expired or refused, and a
network that is not there, end the preflight with one message; any other refusal is an ``ApiError``, which the
runner turns into "unknown".
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

from inferstack.errors import OutsideError

CONNECT_TIMEOUT_S: Final = 5
READ_TIMEOUT_S: Final = 20
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
_GET_CREDENTIALS: Final = (
    "`aws sso login` or `aws configure`, then AWS_PROFILE; in CI, the role of the job. Check with:"
    " aws sts get-caller-identity"
)


class ApiError(Exception):
    """AWS did not answer a question: which one, and why."""

    def __init__(self, *, service: str, operation: str, code: str, message: str) -> None:
        super().__init__(f"{service}:{operation}: {code}: {message}")
        self.service = service
        self.operation = operation
        self.code = code
        self.message = message

    @property
    def fix(self) -> str:
        """What would let the question be answered."""
        if self.code in _DENIED:
            return f"allow {_action(self.service, self.operation)} to these credentials"
        return "run it again; if it stays, ask AWS support with the message above"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose credentials these are."""

    account: str
    arn: str


class Account:
    """Read-only calls to AWS APIs; ``region`` is the environment's, and what a call means without one."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    @cached_property
    def identity(self) -> Identity:
        """OutsideError without credentials, with refused ones, or without a network."""
        try:
            answer = self._client("sts", self.region).get_caller_identity()
        except ClientError as error:
            code, message = _reason(error)
            raise OutsideError(
                f"AWS does not accept these credentials ({code}: {message}); {_GET_CREDENTIALS}"
            ) from error
        except BotoCoreError as error:
            raise _outside(error, self.region) from error
        return Identity(account=answer["Account"], arn=answer["Arn"])

    def call(
        self, service: str, operation: str, *, region: str | None = None, **parameters: Any
    ) -> Mapping[str, Any]:
        """One answer. ``operation`` as boto3 names it (``describe_vpcs``). ApiError when there is none."""
        answer: Mapping[str, Any] = self._asked(
            service,
            operation,
            lambda client: getattr(client, operation)(**parameters),
            region or self.region,
        )
        return answer

    def pages(
        self, service: str, operation: str, key: str, *, region: str | None = None, **parameters: Any
    ) -> Iterator[Any]:
        """Every element under ``key`` over all pages. ApiError when one cannot be read."""

        def read(client: Any) -> list[Any]:
            pages = client.get_paginator(operation).paginate(**parameters)
            return [element for page in pages for element in page.get(key, [])]

        yield from self._asked(service, operation, read, region or self.region)

    def _asked(self, service: str, operation: str, ask: Any, region: str) -> Any:
        try:
            return ask(self._client(service, region))
        except ClientError as error:
            code, message = _reason(error)
            raise ApiError(service=service, operation=operation, code=code, message=message) from error
        except BotoCoreError as error:
            raise ApiError(
                service=service, operation=operation, code=type(error).__name__, message=str(error)
            ) from error

    def _client(self, service: str, region: str) -> Any:
        with self._lock:  # making clients is what boto3 sessions do not do in parallel
            if (service, region) not in self._clients:
                self._clients[service, region] = self._session.client(
                    service, region_name=region, config=self._config
                )
            return self._clients[service, region]

    @cached_property
    def _session(self) -> Any:
        try:
            return boto3.Session()
        except BotoCoreError as error:
            raise _outside(error, self.region) from error

    @cached_property
    def _config(self) -> Any:
        return Config(connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S)


def _reason(error: Any) -> tuple[str, str]:
    found = error.response.get("Error", {})
    return str(found.get("Code", "error")), str(found.get("Message", error))


def _action(service: str, operation: str) -> str:
    """The IAM action: ``ec2:DescribeVpcs``."""
    prefix = {"service-quotas": "servicequotas"}.get(service, service)
    return f"{prefix}:{''.join(part.capitalize() for part in operation.split('_'))}"


def _outside(error: Exception, region: str) -> OutsideError:
    if isinstance(error, ConnectionError | HTTPClientError):
        return OutsideError(
            f"AWS cannot be reached from here ({error}); check the network, HTTPS_PROXY and that {region} is"
            " the region meant"
        )
    return OutsideError(f"no AWS credentials that work ({error}); {_GET_CREDENTIALS}")
