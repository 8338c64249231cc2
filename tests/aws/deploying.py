"""Runs the program as an update does, with a cloud behind it: every AWS resource is made when its turn comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi

# each module registers the makers of its types
from tests.aws import (  # noqa: F401
    make_alerts,
    make_database,
    make_ec2,
    make_eks,
    make_identity,
    make_storage,
    make_stores,
    make_watching,
)
from tests.aws.cloud import Cloud
from tests.components.running import FAKE_OUTPUTS, run_with


class Deployer(pulumi.runtime.Mocks):
    """Stands in for the providers: AWS for real (as far as moto is), Kubernetes by its inputs."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.registered: list[pulumi.runtime.MockResourceArgs] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.registered.append(args)
        if args.typ.startswith("aws:"):
            identity, outputs = self.cloud.create(args.typ, args.name, args.inputs)
            return identity, {**args.inputs, **outputs}
        return f"{args.name}-id", {**args.inputs, **FAKE_OUTPUTS.get(args.typ, {})}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"components look nothing up, and this asks for {args.token}")


def deploy(program: Callable[[], object], cloud: Cloud) -> Deployer:
    """Everything of a program, in the order that its dependencies allow."""
    deployer = Deployer(cloud)
    run_with(program, deployer)
    return deployer
