"""The AWS Load Balancer Controller: the chart, and a role narrowed to what this gateway uses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from components import arns, iam, naming
from components.charts import SYSTEM_NAMESPACE, release
from components.pins import DATA
from inferstack.plain_yaml import read_yaml

if TYPE_CHECKING:
    from pulumi_kubernetes.helm.v3 import Release

    from components.base import Component
    from components.pins import Chart

CONTROLLER: Final = "aws-load-balancer-controller"
CLUSTER_TAG: Final = "elbv2.k8s.aws/cluster"


def load_balancer_controller(
    parent: Component, place: iam.Place, chart: Chart, *, vpc: Mapping[str, Any]
) -> Release:
    """The controller in kube-system with its Pod Identity role."""
    name = naming.logical(parent.name, "load-balancer")
    role = iam.pod_role(parent, name, place, statements=controller_statements(place))
    account = iam.ServiceAccount(namespace=SYSTEM_NAMESPACE, name=CONTROLLER)
    identity = iam.pod_identity(parent, name, place, account, role)
    return release(
        parent,
        name,
        chart,
        release_name=CONTROLLER,
        namespace=SYSTEM_NAMESPACE,
        values=controller_values(place, vpc),
        depends_on=[identity],
    )


def controller_values(place: iam.Place, vpc: Mapping[str, Any]) -> dict[str, Any]:
    """``vpc`` says how the VPC is found: by its name tag where the id would be unknown at preview."""
    return {
        "clusterName": place.cluster,
        "region": place.region,
        **vpc,
        "serviceAccount": {"create": True, "name": CONTROLLER},
        "replicaCount": 2,
        "podDisruptionBudget": {"maxUnavailable": 1},
        "nodeSelector": {"inferstack.dev/pool": "system"},
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        # Services are left alone: its webhook would refuse them while the controller starts
        "enableServiceMutatorWebhook": False,
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": True,
    }


@cache
def _actions() -> dict[str, tuple[str, ...]]:
    table = read_yaml(DATA / "load_balancer_controller.yaml")
    return {name: tuple(actions) for name, actions in table.items() if name != "source"}


def controller_statements(place: iam.Place) -> tuple[iam.Statement, ...]:
    actions = _actions()
    prefix = f"arn:{arns.partition(place.region)}"
    ec2 = f"{prefix}:ec2:{place.region}:{place.account}"
    elb = f"{prefix}:elasticloadbalancing:{place.region}:{place.account}"
    groups, balancers = (f"{ec2}:security-group/*",), (f"{elb}:loadbalancer/app/*", f"{elb}:targetgroup/*")
    listeners = (f"{elb}:listener/app/*", f"{elb}:listener-rule/app/*")
    owned = {"StringEquals": {f"aws:ResourceTag/{CLUSTER_TAG}": place.cluster}}
    requested = {"StringEquals": {f"aws:RequestTag/{CLUSTER_TAG}": place.cluster}}
    tag_elb = ("elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags")
    tag_ec2 = ("ec2:CreateTags", "ec2:DeleteTags")
    return (
        iam.Statement(actions=actions["read"], resources=("*",)),
        iam.Statement(actions=actions["security_groups"], resources=groups),
        iam.Statement(actions=actions["vpcs"], resources=(f"{ec2}:vpc/*",)),
        iam.Statement(actions=tag_ec2[:1], resources=groups, condition=requested),
        iam.Statement(actions=tag_ec2, resources=groups, condition=owned),
        iam.Statement(actions=actions["owned_security_groups"], resources=groups, condition=owned),
        iam.Statement(actions=actions["create_load_balancers"], resources=balancers, condition=requested),
        iam.Statement(actions=tag_elb[:1], resources=balancers, condition=requested),
        iam.Statement(actions=tag_elb, resources=balancers, condition=owned),
        iam.Statement(actions=tag_elb, resources=listeners),
        iam.Statement(actions=actions["listeners"], resources=(*balancers, *listeners)),
        iam.Statement(actions=actions["targets"], resources=balancers[1:]),
        iam.Statement(actions=actions["owned_load_balancers"], resources=balancers, condition=owned),
    )
