"""Names and tags that AWS and Kubernetes accept, however long the environment's and workload's names are."""

from __future__ import annotations

import hashlib
import re
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

HASH_LENGTH: Final = 6
STANDBY_SUFFIX: Final = "standby"
"""Ends the names of second pools; the node autoscaler tells them by it."""
ENVIRONMENT_TAG: Final = "inferstack.dev/environment"
AUTONAME_SUFFIX: Final = 8
"""Pulumi adds a dash and seven hexadecimal digits to a logical name."""


class Limit(IntEnum):
    """Longest name each kind accepts."""

    TARGET_GROUP = 32
    S3_BUCKET = 63
    NODE_GROUP = 63
    LABEL = 63
    """Kubernetes label values, Service and namespace names."""
    IAM_ROLE = 64
    EKS_CLUSTER = 100
    LOGICAL = 55
    """Logical names: with Pulumi's suffix they still fit IAM roles and node groups."""


def fit(name: str, limit: int = Limit.LOGICAL) -> str:
    """``name`` itself when it fits; else its head, a dash and a hash of the whole, never ending in a dash."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: limit - HASH_LENGTH - 1].rstrip('-.')}-{digest}"


def logical(*parts: str) -> str:
    """A Pulumi logical name whose automatic physical name fits every AWS limit used here."""
    return fit("-".join(part for part in parts if part))


def kubernetes(*parts: str, limit: int = Limit.LABEL) -> str:
    """A DNS label (RFC 1123) from any text: lower case, dashes, no leading or trailing dash."""
    label = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
    if not label:
        raise ValueError(f"no DNS label can be made of {parts!r}")
    return fit(label, limit)


def label_value(text: str) -> str:
    """A Kubernetes label value: other characters become dashes, case is kept."""
    value = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.")
    return fit(value, Limit.LABEL)


def cluster_name(environment: str) -> str:
    """The physical name of the cluster: a contract with kubeconfig, Pod Identity and log groups."""
    return fit(f"inferstack-{environment}", Limit.EKS_CLUSTER)


def bucket_name(environment: str, account: str, region: str) -> str:
    """The physical name of the weights bucket: unique by account, known before it exists, so that the
    launch arguments of every pod are known at preview."""
    tail = f"-{account}-{region}-weights"
    return f"{fit(f'inferstack-{environment}', Limit.S3_BUCKET - len(tail))}{tail}"


def flow_log_bucket(environment: str, account: str, region: str) -> str:
    """The physical name of the flow logs' bucket: its ARN is then known at preview."""
    tail = f"-{account}-{region}-flows"
    return f"{fit(f'inferstack-{environment}', Limit.S3_BUCKET - len(tail))}{tail}"


def weights_prefix(checkpoint: str, revision: str | None) -> str:
    """Where one revision of a checkpoint lives in the bucket: ``models/Qwen/Qwen3-8B/main``."""
    return f"models/{checkpoint}/{revision or 'main'}"


def content_hash(text: str, length: int = 10) -> str:
    """A short stable hash of a text, for names that must change with the content."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def tags(environment: str, extra: Mapping[str, str]) -> dict[str, str]:
    """Default tags of everything in an environment; the environment's own win. AWS allows 50 per resource."""
    return {
        ENVIRONMENT_TAG: environment,
        "inferstack.dev/managed-by": "pulumi",
        **dict(sorted(extra.items())),
    }
