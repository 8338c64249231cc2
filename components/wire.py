"""AWS resources by token and wire names, for the modules whose generated SDK is dear to import.

``pulumi_aws.ec2``, ``.s3``, ``.wafv2`` and ``.cloudwatch`` are 10 MB of classes: two seconds and 60 MB in
every ``synth``, for the few dozen properties used here. The graph is the same as with the generated
classes, and the tests check every name and value type against them. The rest uses the SDK's classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi


class WireResource(pulumi.CustomResource):
    """``inputs`` has camelCase names, as previews and the API's documentation do; None is left out.

    ``outputs`` names what is read from the created resource, beside its ``id``.
    """

    def __init__(
        self,
        token: str,
        name: str,
        inputs: Mapping[str, Any],
        opts: pulumi.ResourceOptions,
        *,
        outputs: Sequence[str] = (),
    ) -> None:
        given = {key: value for key, value in inputs.items() if value is not None}
        # a property without a value is one the provider fills in
        super().__init__(token, name, {**dict.fromkeys(outputs), **given}, opts)

    def output(self, name: str) -> pulumi.Output[Any]:
        """An output that was named at construction."""
        value: pulumi.Output[Any] = pulumi.get(self, name)
        return value


@dataclass(frozen=True, slots=True)
class Module:
    """Makes resources of one module of the provider: ``ec2("Subnet", name, inputs, opts)``."""

    module: str

    def __call__(
        self,
        kind: str,
        name: str,
        inputs: Mapping[str, Any],
        opts: pulumi.ResourceOptions,
        *,
        outputs: Sequence[str] = (),
    ) -> WireResource:
        return WireResource(_token(self.module, kind), name, inputs, opts, outputs=outputs)


ec2: Final = Module("ec2")
ecr: Final = Module("ecr")
elasticache: Final = Module("elasticache")
fsx: Final = Module("fsx")
rds: Final = Module("rds")
s3: Final = Module("s3")


def web_acl_resource(name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> WireResource:
    return WireResource(_token("wafv2", "WebAcl"), name, inputs, opts, outputs=("arn",))


def log_group(name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> WireResource:
    return WireResource(_token("cloudwatch", "LogGroup"), name, inputs, opts, outputs=("arn",))


def group_tag(
    name: str, group: pulumi.Input[str], tag: tuple[str, str], opts: pulumi.ResourceOptions
) -> WireResource:
    """A tag on an Auto Scaling group that something else made, not on its instances."""
    key, value = tag
    inputs = {
        "autoscalingGroupName": group,
        "tag": {"key": key, "value": value, "propagateAtLaunch": False},
    }
    return WireResource(_token("autoscaling", "Tag"), name, inputs, opts)


def event_rule(name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> WireResource:
    return WireResource(_token("cloudwatch", "EventRule"), name, inputs, opts)


def event_target(name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> WireResource:
    return WireResource(_token("cloudwatch", "EventTarget"), name, inputs, opts)


def sqs(kind: str, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> WireResource:
    return WireResource(_token("sqs", kind), name, inputs, opts, outputs=("arn",) if kind == "Queue" else ())


def alerting(
    module: str, kind: str, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions
) -> WireResource:
    """``sns``, and alarms of ``cloudwatch``."""
    outputs = ("arn",) if kind == "Topic" else ()
    return WireResource(_token(module, kind), name, inputs, opts, outputs=outputs)


def billing(
    module: str,
    kind: str,
    name: str,
    inputs: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    *,
    outputs: Sequence[str] = (),
) -> WireResource:
    """``budgets`` and ``costexplorer``."""
    return WireResource(_token(module, kind), name, inputs, opts, outputs=outputs)


def secret(kind: str, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> WireResource:
    return WireResource(
        _token("secretsmanager", kind), name, inputs, opts, outputs=("arn",) if kind == "Secret" else ()
    )


def _token(module: str, kind: str) -> str:
    return f"aws:{module}/{kind[0].lower()}{kind[1:]}:{kind}"
