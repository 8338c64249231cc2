"""The environments whose AWS half is made: the examples, and what they do not use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from components.environment import InferenceEnvironmentArgs
from inferstack.catalog.load import load_catalog
from inferstack.sizing.plan import plan_environment
from inferstack.spec.load import load_environment
from tests.components import builders
from tests.example_graphs import EXAMPLES, folder

SETTINGS = replace(builders.SECRETS, gateway_database_password="database-test")
ACCOUNT = "123456789012"
"""moto's own."""


def example(name: str) -> InferenceEnvironmentArgs:
    """An environment under ``stacks/``, planned as it is by the program."""
    loaded, catalog = load_environment(folder(name)), load_catalog()
    plan = plan_environment(loaded, catalog)
    return InferenceEnvironmentArgs(loaded=loaded, plan=plan, catalog=catalog, settings=SETTINGS)


def everything(nat: str = "regional") -> InferenceEnvironmentArgs:
    """Each option that adds AWS resources, at once."""
    return builders.prod(
        network={"nat": nat, "flowLogsTo": "s3"},
        cluster={"adminRoleArns": [f"arn:aws:iam::{ACCOUNT}:role/admin"], "extendedSupport": True},
        monitoring={"stack": "amp", "alerts": {"emails": ["oncall@example.eu"]}},
        modelStore={"replicaRegions": ["eu-west-1"]},
        budget={"monthlyUsd": 90000},
        safety={
            "emails": ["finops@example.eu"],
            "topicArn": f"arn:aws:sns:eu-central-1:{ACCOUNT}:money",
            "permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        },
    )


def stores() -> InferenceEnvironmentArgs:
    """Images through the account's registry, weights from a file system, spare nodes of two kinds."""
    registry_keys = {"docker-hub": "robot:token"}
    chosen = replace(builders.SMALL, purchase="on-demand", instance_type="g6.2xlarge")
    second = replace(chosen, instance_type="g6.12xlarge")
    served = builders.workload(
        "assistant", "Qwen/Qwen3-8B", capacity={"warmNodes": 1, "secondChoicePool": True}
    )
    args = builders.dev(
        registry="ecr-pull-through",
        modelStore={"fileSystem": "fsx-lustre", "compileCache": "node"},
    )
    pair = (served, builders.small_plan(chosen=chosen, second_choice=second))
    settings = replace(builders.SECRETS, registry_keys=registry_keys)
    return builders.arguments(args.loaded.environment, builders.US_ZONES, pair, settings=settings)


def everything_of_provider_5() -> InferenceEnvironmentArgs:
    """Less the regional NAT gateway: Terraform's AWS provider has it from 6.x on, as pulumi-aws has."""
    return everything(nat="per-zone")


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """Ids of a network and a security group that are there already."""

    vpc_id: str
    private: dict[str, str]
    security_group_id: str

    def spec(self) -> dict[str, Any]:
        return {"vpcId": self.vpc_id, "cidr": "10.90.0.0/16", "privateSubnets": self.private}


def adopted_vpc(there: Adopted) -> InferenceEnvironmentArgs:
    return builders.adopted_vpc(network={"existing": there.spec()})


def adopted_cluster(there: Adopted) -> InferenceEnvironmentArgs:
    cluster = {**builders.CLUSTER, "securityGroupId": there.security_group_id}
    return builders.adopted_vpc(network={"existing": there.spec()}, cluster={"existing": cluster})


NEW: dict[str, Callable[[], InferenceEnvironmentArgs]] = {
    **{name: lambda name=name: example(name) for name in EXAMPLES},  # type: ignore[misc]  # bound now
    "private": builders.private,
    "groups": builders.groups,
    "capacity-block": lambda: builders.reserved("capacity-block"),
    "everything": everything,
    "stores": stores,
    "karpenter": lambda: builders.prod(cluster={"gpuNodes": "karpenter"}),
}
IN_AN_EXISTING_VPC: dict[str, Callable[[Adopted], InferenceEnvironmentArgs]] = {
    "adopted-vpc": adopted_vpc,
    "adopted-cluster": adopted_cluster,
}
THERE = Adopted(
    vpc_id="vpc-0123456789abcdef0",
    private={zone: f"subnet-0123456789abcdef{index}" for index, zone in enumerate(builders.EU_ZONES)},
    security_group_id="sg-0123456789abcdef0",
)
"""Ids for what is rendered and not made."""
