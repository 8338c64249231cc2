"""Semantic cache of the gateway: Valkey with its search module, in the cluster or as Amazon ElastiCache.

Nothing here is kept for long or backed up: a cache that is lost costs answers, not data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import pulumi

from components import gateway_names, kube, naming
from components.gateway_backend import GatewayBackend
from components.pod_security import hardened_container, hardened_pod
from components.wire import WireResource, ec2, elasticache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.base import Component
    from components.pins import Image

APP: Final = "gateway-cache"
PORT: Final = 6379
UID: Final = 999
"""User ``valkey`` of the official image."""
SERVER: Final = GatewayBackend(app=APP, port_name="valkey", port=PORT)
MEMORY_MIB: Final = 1024
USED_MIB: Final = 640
"""Entries; the rest is the index, buffers and the server itself."""
ENGINE_VERSION: Final = "8.2"
"""The first with vector search on node-based clusters."""
RESERVED_PERCENT: Final = "30"
"""Search on small burstable nodes needs it (ElastiCache, search features and limits)."""
CACHE_MINUTES: Final = 60


@dataclass(frozen=True, kw_only=True)
class CacheArgs:
    kind: Literal["in-cluster", "elasticache"]
    node_type: str
    production: bool
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    client_security_group_id: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    image: Image | None
    """Of the server in the cluster."""
    embedding: str
    """The model name that turns prompts into vectors."""
    similarity: float
    ttl_s: int
    max_classification: str


def cache(parent: Component, args: CacheArgs, namespace: pulumi.Resource) -> tuple[pulumi.Resource, ...]:
    """The cache, and the ConfigMap with its address."""
    name, inside = naming.logical(parent.name, "cache"), parent.child(depends_on=[namespace])
    made: list[pulumi.Resource] = []
    host: pulumi.Input[str] = f"{APP}.{gateway_names.NAMESPACE}.svc.cluster.local"
    if args.kind == "elasticache":
        group = replication_group(parent, args)
        made.append(group)
        host = group.output("primaryEndpointAddress")
    else:
        documents = (SERVER.service_account(), SERVER.service(), SERVER.network_policy(), deployment(args))
        made += [kube.KubernetesObject(name, document, inside) for document in documents]
    made.append(kube.KubernetesObject(name, address(host), inside))
    return tuple(made)


def replication_group(parent: Component, args: CacheArgs) -> WireResource:
    name = naming.logical(parent.name, "cache")
    subnets = elasticache(
        "SubnetGroup", name, {"description": "Gateway cache", "subnetIds": list(args.subnet_ids)},
        parent.child(), outputs=("name",),
    )  # fmt: skip
    ingress = {
        "protocol": "tcp",
        "fromPort": PORT,
        "toPort": PORT,
        "securityGroups": [args.client_security_group_id],
        "description": "pods of the cluster",
    }
    group = ec2(
        "SecurityGroup",
        name,
        {"vpcId": args.vpc_id, "description": "Gateway cache", "ingress": [ingress], "egress": []},
        parent.child(),
    )
    reserved = {"name": "reserved-memory-percent", "value": RESERVED_PERCENT}
    evict = {"name": "maxmemory-policy", "value": "allkeys-lru"}
    parameters = elasticache(
        "ParameterGroup",
        name,
        {"family": "valkey8", "description": "Gateway cache", "parameters": [evict, reserved]},
        parent.child(),
        outputs=("name",),
    )
    inputs = {
        **group_inputs(args),
        "subnetGroupName": subnets.output("name"),
        "securityGroupIds": [group.id],
        "parameterGroupName": parameters.output("name"),
    }
    options = parent.child(minutes=CACHE_MINUTES)
    return elasticache("ReplicationGroup", name, inputs, options, outputs=("primaryEndpointAddress",))


def group_inputs(args: CacheArgs) -> dict[str, Any]:
    """What is plain: engine, size, encryption, a second node in production."""
    return {
        "description": "Semantic cache of the gateway",
        "engine": "valkey",
        "engineVersion": ENGINE_VERSION,
        "nodeType": args.node_type,
        "numCacheClusters": 2 if args.production else 1,
        "automaticFailoverEnabled": args.production,
        "multiAzEnabled": args.production,
        "atRestEncryptionEnabled": True,
        "transitEncryptionEnabled": True,
        "kmsKeyId": args.key_arn,
        "port": PORT,
        "snapshotRetentionLimit": 0,
        "autoMinorVersionUpgrade": True,
    }


def address(host: pulumi.Input[str]) -> dict[str, Any]:
    data = {"VALKEY_HOST": host, "VALKEY_PORT": str(PORT)}
    return kube.manifest("v1", "ConfigMap", SERVER.metadata(gateway_names.CACHE_CONFIG), data=data)


def deployment(args: CacheArgs) -> dict[str, Any]:
    body = {
        "replicas": 1,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": SERVER.labels},
        "strategy": {"type": "Recreate"},
        "template": {"metadata": {"labels": SERVER.labels}, "spec": _pod(args)},
    }
    return kube.manifest("apps/v1", "Deployment", SERVER.metadata(), spec=body)


def _pod(args: CacheArgs) -> dict[str, Any]:
    if args.image is None:
        raise ValueError("a server in the cluster needs an image")
    alive = {"exec": {"command": ["valkey-cli", "ping"]}, "timeoutSeconds": 5}
    limits = {"memory": f"{MEMORY_MIB}Mi"}
    container = {
        "name": "valkey",
        "image": args.image.reference,
        "args": [
            "valkey-server", "--save", "", "--appendonly", "no", "--dir", "/data", "--protected-mode", "no",
            "--maxmemory", f"{USED_MIB}mb", "--maxmemory-policy", "allkeys-lru",
        ],
        "ports": [{"name": "valkey", "containerPort": PORT, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "250m", **limits}, "limits": limits},
        "securityContext": hardened_container(),
        "startupProbe": {**alive, "periodSeconds": 2, "failureThreshold": 30},
        "readinessProbe": {**alive, "periodSeconds": 10},
        "livenessProbe": {**alive, "periodSeconds": 20, "failureThreshold": 3},
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - inside the container
        ],
    }  # fmt: skip
    return {
        **hardened_pod(APP, uid=UID, gid=UID),
        "nodeSelector": {"inferstack.dev/pool": "system"},
        "containers": [container],
        "volumes": [
            {"name": "data", "emptyDir": {"sizeLimit": "64Mi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        ],
    }
