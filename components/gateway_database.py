"""PostgreSQL of the gateway: keys, teams, spend. Amazon RDS, or one pod in the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import pulumi

from components import gateway_names, kube, naming
from components.gateway_backend import GatewayBackend
from components.pod_security import hardened_container, hardened_pod
from components.rds_authority import IDENTIFIER
from components.wire import WireResource, ec2, rds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.base import Component
    from components.pins import Image

APP: Final = "gateway-database"
PORT: Final = 5432
USER: Final = "litellm"
DATABASE: Final = "litellm"
UID: Final = 999
"""User ``postgres`` of the official Debian image."""
DATA: Final = "/var/lib/postgresql/data"
ENGINE_VERSION: Final = "17"
"""Minor versions are Amazon's to choose and to apply in the maintenance window."""
BACKUP_DAYS: Final = 7
BACKUP_DAYS_PRODUCTION: Final = 35
RDS_MINUTES: Final = 90
"""Creation of a Multi-AZ instance with its first backup, and deletion with the final snapshot."""
SERVER: Final = GatewayBackend(app=APP, port_name="postgres", port=PORT)
AUTHORITY: Final = "authority.pem"
AUTHORITY_FOLDER: Final = "/etc/gateway-database"


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    kind: Literal["rds", "in-cluster"]
    instance_class: str
    storage_gib: int
    production: bool
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    """Without a route to the internet, in two zones or more."""
    client_security_group_id: pulumi.Input[str]
    """Of the nodes whose pods connect."""
    key_arn: pulumi.Input[str]
    password: pulumi.Input[str] | None
    """Absent: RDS keeps one in Secrets Manager, and the cluster gets the Secret from elsewhere."""
    image: Image | None
    """Of the server in the cluster."""
    storage_class: str
    authority: str | None
    """Root certificate (PEM) of the server's; absent: encrypted and not verified."""


def database(
    parent: Component, args: DatabaseArgs, namespace: pulumi.Resource
) -> tuple[pulumi.Resource, ...]:
    """The database, its address and, where the password is given here, its Secret."""
    made: list[pulumi.Resource] = []
    inside = parent.child(depends_on=[namespace])
    host: pulumi.Input[str] = f"{APP}.{gateway_names.NAMESPACE}.svc.cluster.local"
    if args.password is not None:
        made.append(
            kube.KubernetesObject(naming.logical(parent.name, "database"), secret(args.password), inside)
        )
    if args.kind == "rds":
        instance = rds_instance(parent, args)
        made.append(instance)
        host = instance.output("address")
    else:
        beside = [
            kube.KubernetesObject(naming.logical(parent.name, "database"), document, inside)
            for document in (SERVER.service_account(), SERVER.service(), SERVER.network_policy())
        ]
        options = parent.child(depends_on=[*made, *beside], protect=args.production)
        made += [
            *beside,
            kube.KubernetesObject(naming.logical(parent.name, "database"), stateful_set(args), options),
        ]
    made.append(kube.KubernetesObject(naming.logical(parent.name, "database"), address(args, host), inside))
    return tuple(made)


def rds_instance(parent: Component, args: DatabaseArgs) -> WireResource:
    name = naming.logical(parent.name, "database")
    subnets = rds(
        "SubnetGroup",
        name,
        {"description": "Gateway database: no route to the internet", "subnetIds": list(args.subnet_ids)},
        parent.child(),
        outputs=("name",),
    )
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
        {"vpcId": args.vpc_id, "description": "Gateway database", "ingress": [ingress], "egress": []},
        parent.child(),
    )
    parameters = rds(
        "ParameterGroup",
        name,
        {
            "family": f"postgres{ENGINE_VERSION}",
            "description": "TLS only",
            "parameters": [{"name": "rds.force_ssl", "value": "1"}],
        },
        parent.child(),
        outputs=("name",),
    )
    inputs = {
        **instance_inputs(args, name),
        "dbSubnetGroupName": subnets.output("name"),
        "vpcSecurityGroupIds": [group.id],
        "parameterGroupName": parameters.output("name"),
    }
    options = parent.child(protect=args.production, minutes=RDS_MINUTES)
    return rds("Instance", name, inputs, options, outputs=("address",))


def instance_inputs(args: DatabaseArgs, name: str) -> dict[str, Any]:
    """What is plain: size, encryption, privacy, backups, protection, and who keeps the password."""
    managed = {"manageMasterUserPassword": True, "masterUserSecretKmsKeyId": args.key_arn}
    return {
        "engine": "postgres",
        "engineVersion": ENGINE_VERSION,
        "instanceClass": args.instance_class,
        "allocatedStorage": args.storage_gib,
        "storageType": "gp3",
        "storageEncrypted": True,
        "kmsKeyId": args.key_arn,
        "dbName": DATABASE,
        "username": USER,
        "multiAz": args.production,
        "publiclyAccessible": False,
        "caCertIdentifier": IDENTIFIER,
        "autoMinorVersionUpgrade": True,
        "backupRetentionPeriod": BACKUP_DAYS_PRODUCTION if args.production else BACKUP_DAYS,
        "copyTagsToSnapshot": True,
        "deletionProtection": args.production,
        "skipFinalSnapshot": not args.production,
        "finalSnapshotIdentifier": f"{name}-final" if args.production else None,
        "enabledCloudwatchLogsExports": ["postgresql"],
        **(managed if args.password is None else {"password": args.password}),
    }


def secret(password: pulumi.Input[str]) -> dict[str, Any]:
    values = {"DATABASE_PASSWORD": password}
    return kube.manifest(
        "v1", "Secret", SERVER.metadata(gateway_names.DATABASE_SECRET), type="Opaque", stringData=values
    )


def address(args: DatabaseArgs, host: pulumi.Input[str]) -> dict[str, Any]:
    """How the gateway connects; LiteLLM makes its URL of these and the password."""
    data = {"DATABASE_HOST": host, "DATABASE_USERNAME": USER, "DATABASE_NAME": DATABASE}
    if args.kind == "in-cluster":  # reached by the gateway alone, without a certificate
        data["DATABASE_SSLMODE"] = "disable"
    elif args.authority is None:
        data["DATABASE_SSLMODE"] = "require"
    else:
        data["DATABASE_SSLMODE"] = "verify-full"
        data["DATABASE_SSLROOTCERT"] = f"{AUTHORITY_FOLDER}/{AUTHORITY}"
        data[AUTHORITY] = args.authority
    return kube.manifest("v1", "ConfigMap", SERVER.metadata(gateway_names.DATABASE_CONFIG), data=data)


def stateful_set(args: DatabaseArgs) -> dict[str, Any]:
    """One server with a volume of its own; a restart is a pause of the gateway's bookkeeping."""
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": args.storage_class,
            "resources": {"requests": {"storage": f"{args.storage_gib}Gi"}},
        },
    }
    body = {
        "serviceName": APP,
        "replicas": 1,
        "selector": {"matchLabels": SERVER.labels},
        "template": {"metadata": {"labels": SERVER.labels}, "spec": _pod(args)},
        "volumeClaimTemplates": [claim],
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }
    return kube.manifest("apps/v1", "StatefulSet", SERVER.metadata(), spec=body)


def _pod(args: DatabaseArgs) -> dict[str, Any]:
    if args.image is None:
        raise ValueError("a server in the cluster needs an image")
    ready = {"exec": {"command": ["pg_isready", "-h", "127.0.0.1", "-U", USER, "-d", DATABASE]}}
    password = {"secretKeyRef": {"name": gateway_names.DATABASE_SECRET, "key": "DATABASE_PASSWORD"}}
    container = {
        "name": "postgres",
        "image": args.image.reference,
        "ports": [{"name": "postgres", "containerPort": PORT, "protocol": "TCP"}],
        "env": [
            # a volume's root holds lost+found, where initdb refuses to begin
            {"name": "PGDATA", "value": f"{DATA}/pgdata"},
            {"name": "POSTGRES_DB", "value": DATABASE},
            {"name": "POSTGRES_USER", "value": USER},
            {"name": "POSTGRES_PASSWORD", "valueFrom": password},
        ],
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": hardened_container(),
        "startupProbe": {**ready, "periodSeconds": 5, "failureThreshold": 60},
        "readinessProbe": {**ready, "periodSeconds": 10, "timeoutSeconds": 5},
        "livenessProbe": {**ready, "periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 6},
        "volumeMounts": [
            {"name": "data", "mountPath": DATA},
            {"name": "run", "mountPath": "/var/run/postgresql"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - inside the container
        ],
    }
    return {
        **hardened_pod(APP, uid=UID, gid=UID),
        "terminationGracePeriodSeconds": 120,
        "nodeSelector": {"inferstack.dev/pool": "system"},
        "containers": [container],
        "volumes": [
            {"name": "run", "emptyDir": {"sizeLimit": "16Mi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
        ],
    }
