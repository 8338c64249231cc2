"""INF-RES-004: buckets replicate only to buckets in allowed regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policy_graphs import BUCKET, ENVIRONMENT, PROVIDER, compliant, messages, outcome, resource

from inferstack.policy.types import Outcome
from inferstack.resources import UNKNOWN, Resource

RULE = "INF-RES-004"
CONFIG = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"


def replicated(region: str | None, target: Any, *, linked: bool = False) -> dict[str, Resource]:
    """The compliant environment with a replica bucket and a replication to ``target``."""
    shared: Mapping[str, Any] = {"parent": ENVIRONMENT, "provider": PROVIDER}
    place = {"region": region} if region else {}
    replica = resource("aws:s3/bucket:Bucket", "replica", {"bucket": "acme-replica", **place}, **shared)
    rules = [{"status": "Enabled", "destination": {"bucket": target}}]
    links = {"bucket": (BUCKET,), **({"rules": (replica.urn,)} if linked else {})}
    config = resource(CONFIG, "weights", {"bucket": UNKNOWN, "rules": rules}, **shared, depends=links)
    return {**compliant(), replica.urn: replica, config.urn: config}


def test_no_replication_is_not_judged() -> None:
    assert outcome(compliant(), RULE) is Outcome.NOT_APPLICABLE


def test_a_replica_in_the_providers_region_passes() -> None:
    assert outcome(replicated(None, "arn:aws:s3:::acme-replica"), RULE) is Outcome.PASS


def test_a_replica_in_another_allowed_region_passes() -> None:
    assert outcome(replicated("eu-west-1", "arn:aws:s3:::acme-replica"), RULE) is Outcome.PASS


def test_a_replica_outside_fails_by_name() -> None:
    resources = replicated("us-east-1", "arn:aws:s3:::acme-replica")
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "replicates to bucket replica: us-east-1 is outside EU" in messages(resources, RULE)


def test_a_replica_outside_fails_by_reference_when_its_arn_is_unknown() -> None:
    resources = replicated("us-east-1", UNKNOWN, linked=True)
    assert outcome(resources, RULE) is Outcome.FAIL


def test_an_unknown_target_from_nowhere_cannot_be_cleared() -> None:
    assert outcome(replicated("eu-west-1", UNKNOWN), RULE) is Outcome.INDETERMINATE


def test_a_bucket_of_someone_else_cannot_be_cleared() -> None:
    resources = replicated("eu-west-1", "arn:aws:s3:::somewhere-else")
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "whose region is not established" in messages(resources, RULE)


def test_a_replica_of_unknown_region_cannot_be_cleared() -> None:
    resources = replicated("eu-west-1", "arn:aws:s3:::acme-replica")
    urn = next(urn for urn in resources if urn.endswith("Bucket::replica"))
    resources[urn] = resource(
        "aws:s3/bucket:Bucket", "replica", {"bucket": "acme-replica", "region": UNKNOWN}, parent=ENVIRONMENT
    )
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
