"""Amazon Managed Prometheus and Grafana: workspace, rules, alert manager, and who may read or write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_aws as aws
import yaml

from components import arns, iam, naming
from components.alert_routes import AlertRoutes, workspace_definition
from components.rules import Group, rule_spec

if TYPE_CHECKING:
    from components.base import Component

READ: Final = ("aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics")
WRITE: Final = ("aps:RemoteWrite",)
RETENTION_LIMIT: Final = 1095


def workspace(
    parent: Component, environment: str, key_arn: pulumi.Input[str], retention_days: int
) -> aws.amp.Workspace:
    made = aws.amp.Workspace(
        parent.name, alias=f"inferstack-{environment}", kms_key_arn=key_arn, opts=parent.child()
    )
    aws.amp.WorkspaceConfiguration(
        parent.name,
        workspace_id=made.id,
        retention_period_in_days=min(RETENTION_LIMIT, retention_days),
        opts=parent.child(),
    )
    return made


def rules_and_routes(
    parent: Component, made: aws.amp.Workspace, groups: Sequence[Group], routes: AlertRoutes, runbooks: str
) -> None:
    """Judged in the workspace, which has the whole history; Prometheus in the cluster keeps a day."""
    text = yaml.safe_dump(rule_spec(groups, runbooks), sort_keys=False, width=4096)
    aws.amp.RuleGroupNamespace(
        parent.name, name="inferstack", workspace_id=made.id, data=text, opts=parent.child()
    )
    aws.amp.AlertManagerDefinition(
        parent.name, workspace_id=made.id, definition=workspace_definition(routes), opts=parent.child()
    )


def access(
    parent: Component,
    part: str,
    environment: str,
    place: iam.Place,
    account: iam.ServiceAccount,
    actions: tuple[str, ...],
) -> pulumi.Resource:
    """Rights of a pod on this environment's workspace and on nothing else."""
    name = naming.logical(parent.name, part)
    role = iam.pod_role(parent, name, place, statements=[statement(environment, place, actions)])
    return iam.pod_identity(parent, name, place, account, role)


def statement(environment: str, place: iam.Place, actions: tuple[str, ...]) -> iam.Statement:
    # its id is known after deployment only; the tag says the same and can be read at preview
    return iam.Statement(
        actions=actions,
        resources=(arns.metric_workspaces(place.region, place.account),),
        condition={"StringEquals": {f"aws:ResourceTag/{naming.ENVIRONMENT_TAG}": environment}},
    )


def grafana_workspace(parent: Component, environment: str, place: iam.Place) -> aws.grafana.Workspace:
    """Users come from IAM Identity Center, which the account must have."""
    name = naming.logical(parent.name, "grafana")
    role, _ = iam.service_role(parent, name, "grafana.amazonaws.com", (), place)
    listed = iam.Statement(
        actions=("aps:ListWorkspaces",), resources=(arns.metric_workspaces(place.region, place.account),)
    )
    described = statement(environment, place, ("aps:DescribeWorkspace", *READ))
    document = iam.policy_document([listed, described])
    aws.iam.RolePolicy(name, role=role.name, policy=document, opts=parent.child())
    return aws.grafana.Workspace(
        name,
        name=naming.fit(f"inferstack-{environment}", 255),
        account_access_type="CURRENT_ACCOUNT",
        authentication_providers=["AWS_SSO"],
        permission_type="CUSTOMER_MANAGED",
        data_sources=["PROMETHEUS"],
        role_arn=role.arn,
        opts=parent.child(),
    )
