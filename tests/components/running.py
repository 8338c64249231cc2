"""Runs components two ways: previewed by the offline engine, and deployed against recording mocks."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.environment import InferenceEnvironment, InferenceEnvironmentArgs
from inferstack.engine.graph import Graph
from inferstack.engine.program import run_function
from inferstack.resources import Resource

FAKE_OUTPUTS: Mapping[str, Mapping[str, Any]] = {
    "aws:eks/cluster:Cluster": {
        "endpoint": "https://example.eks",
        "certificateAuthority": {"data": "Y2E="},
        "vpcConfig": {"clusterSecurityGroupId": "sg-cluster"},
    },
    "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 3},
    "aws:eks/nodeGroup:NodeGroup": {"resources": [{"autoscalingGroups": [{"name": "eks-group"}]}]},
    "aws:acm/certificate:Certificate": {
        "domainValidationOptions": [
            {"resourceRecordName": "_x", "resourceRecordType": "CNAME", "resourceRecordValue": "_y"}
        ]
    },
    "aws:amp/workspace:Workspace": {
        "prometheusEndpoint": "https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/ws-1/"
    },
    "kubernetes:networking.k8s.io/v1:Ingress": {
        "status": {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}
    },
}


@dataclass
class Recorder(pulumi.runtime.Mocks):
    """Registers everything with plausible outputs."""

    resources: list[pulumi.runtime.MockResourceArgs] = field(default_factory=list)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.resources.append(args)
        outputs = {"arn": f"arn:fake:{args.name}", **args.inputs}
        for key, value in FAKE_OUTPUTS.get(args.typ, {}).items():
            outputs[key] = {**outputs.get(key, {}), **value} if isinstance(value, Mapping) else value
        return f"{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"components look nothing up, and this asks for {args.token}")


def preview(program: Callable[[], object]) -> Graph:
    """The graph before anything exists; any failure, in an apply too, is raised."""
    return run_function(program)


def deploy(program: Callable[[], object]) -> Recorder:
    """All registrations with known outputs, on a loop and in a context of their own."""
    recorder = Recorder()
    run_with(program, recorder)
    return recorder


def run_with(program: Callable[[], object], mocks: pulumi.runtime.Mocks) -> None:
    """An update against ``mocks``, on a loop and in a context of their own."""
    contextvars.Context().run(_deploy, program, mocks)


def _deploy(program: Callable[[], object], mocks: pulumi.runtime.Mocks) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        pulumi.runtime.set_mocks(mocks, project="inferstack", stack="test", preview=False)

        @pulumi.runtime.test  # awaits every output, and raises what an apply raised
        def run() -> None:
            program()

        run()
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def build(args: InferenceEnvironmentArgs) -> Callable[[], InferenceEnvironment]:
    def program() -> InferenceEnvironment:
        environment = InferenceEnvironment(args.loaded.environment.name, args)
        for name, value in environment.outputs.items():
            pulumi.export(name, value)
        return environment

    return program


def inventory(types: Iterable[str]) -> dict[str, int]:
    """How many of each type, without the stack."""
    return dict(sorted(Counter(kind for kind in types if kind != "pulumi:pulumi:Stack").items()))


def one(graph: Graph, kind: str, name: str | None = None) -> Resource:
    found = [item for item in graph.of_type(kind) if name is None or item.name == name]
    assert len(found) == 1, f"{len(found)} of {kind} {name}: {[item.name for item in found]}"
    return found[0]


def manifest(graph: Graph, kind: str, name: str) -> Mapping[str, Any]:
    """The manifest of a Kubernetes kind by the object's own name."""
    found = [
        item.inputs
        for item in graph
        if item.type.startswith("kubernetes:") and item.inputs.get("kind") == kind
        if item.inputs["metadata"]["name"] == name  # type: ignore[index]  # manifests are mappings
    ]
    assert len(found) == 1, f"{len(found)} {kind} {name}"
    return found[0]
