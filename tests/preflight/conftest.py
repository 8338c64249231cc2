"""An AWS account made of moto, in this process: no request leaves it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.client
import botocore.loaders
import botocore.session
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend

from inferstack.catalog.load import load_catalog
from inferstack.engine.backend import Backend
from inferstack.preflight.aws import Account
from inferstack.preflight.needs import ClusterNeeds, GatewayNeeds, Needs, Pool
from inferstack.preflight.run import examine
from inferstack.preflight.types import Subject

ACCOUNT = "123456789012"
REGION = "eu-central-1"
TODAY = dt.date(2026, 11, 24)


@dataclass
class World:
    """What AWS holds and answers. ``answers`` stands for operations that moto does not have, or must fail."""

    quotas: dict[str, float] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def fail(self, operation: str, code: str, message: str = "says AWS") -> None:
        self.answers[operation] = ClientError({"Error": {"Code": code, "Message": message}}, operation)

    def client(self, service: str, region: str = REGION) -> Any:
        return boto3.client(service, region_name=region)


@pytest.fixture(scope="session")
def api_models():
    """The descriptions of AWS's APIs, parsed once: they are most of what these tests would spend."""
    return botocore.loaders.create_loader()


@pytest.fixture
def world(monkeypatch, api_models):
    monkeypatch.setattr(botocore.session, "create_loader", lambda *_: api_models)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "HF_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    made = World(quotas={"L-417A185B": 10_000, "L-DB2E81BA": 10_000, "L-1216C47A": 10_000, "L-0263D0A3": 50})
    moto_quota = ServiceQuotasBackend.get_service_quota

    def quota(self, service_code, quota_code):
        if service_code != "ec2":
            return moto_quota(self, service_code, quota_code)
        if quota_code not in made.quotas:
            raise NoSuchResource
        return {"QuotaCode": quota_code, "Value": made.quotas[quota_code]}

    call = botocore.client.BaseClient._make_api_call

    def asked(self, operation, parameters):
        made.asked.append(operation)
        if operation in made.answers:
            answer = made.answers[operation]
            if isinstance(answer, Exception):
                raise answer
            return answer(parameters) if callable(answer) else answer
        return call(self, operation, parameters)

    monkeypatch.setattr(ServiceQuotasBackend, "get_service_quota", quota)
    with mock_aws():
        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", asked)
        yield made


def pool(**changes) -> Pool:
    values = {
        "workload": "chat",
        "instance_type": "p4d.24xlarge",
        "instance_types": ("p4d.24xlarge",),
        "zones": ("euc1-az2",),
        "purchase": "on-demand",
        "reservation_id": None,
        "nodes": 2,
        "max_nodes": 3,
    }
    return Pool(**(values | changes))


def needs(**changes) -> Needs:
    values = {
        "environment": "prod-eu",
        "account": ACCOUNT,
        "region": REGION,
        "zones": ("euc1-az2", "euc1-az3"),
        "residency": ("EU",),
        "strict": True,
        "pools": (pool(),),
        "clusters": (
            ClusterNeeds(
                name="inferstack-prod-eu",
                version="1.35",
                system_types=("m6i.xlarge", "m5.xlarge"),
                system_nodes=3,
                system_nodes_max=6,
            ),
        ),
        "gateways": (GatewayNeeds(host="llm.example.eu", tls="none", certificate_arn=None),),
        "models": (),
        "fallbacks": (),
        "missing_secrets": (),
        "buckets": (),
        "log_groups": (),
        "key_aliases": (),
        "elastic_ips": 3,
        "vpcs": 1,
    }
    return Needs(**(values | changes))


def subject(wanted: Needs | None = None, **changes) -> Subject:
    wanted = wanted or needs()
    values = {
        "needs": wanted,
        "account": Account(wanted.region),
        "catalog": load_catalog(),
        "backend": Backend(url="s3://state?region=eu-central-1"),
        "today": TODAY,
        "resolve": lambda host: ("192.0.2.1",),
    }
    return Subject(**(values | changes))


@pytest.fixture
def look(world):
    """Findings of some checks on some needs, as (check, status, text) without the fixes."""

    def run(*checks, wanted=None, **changes):
        return examine(subject(wanted, **changes), checks).findings

    return run
