"""Metrics, dashboards, alerts: kube-prometheus-stack, with Amazon Managed Prometheus behind it if wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_aws as aws

from components import arns, iam, kube, monitors, naming, prometheus
from components.alerts import Scope, rule_groups
from components.base import Component
from components.charts import release
from components.dashboards import config_map, dashboard, dashboards
from components.facts import MonitoringFacts
from components.rules import Group, alert_names, prometheus_rule, rule_spec

if TYPE_CHECKING:
    from pulumi_kubernetes.helm.v3 import Release

    from components.pins import Pins
    from components.watch import Watched

INSTALL_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    environment: str
    place: iam.Place
    stack: Literal["prometheus", "amp"]
    retention_days: int
    workloads: tuple[Watched, ...]
    gateway: bool
    """There is one to watch."""
    key_arn: pulumi.Input[str]
    pins: Pins
    depends_on: Sequence[pulumi.Resource]
    """The storage class its volumes need."""

    @property
    def groups(self) -> tuple[Group, ...]:
        return rule_groups(
            Scope(workloads=self.workloads, retention_days=self.retention_days, gateway=self.gateway)
        )

    def facts(self) -> MonitoringFacts:
        return MonitoringFacts(
            environment=self.environment,
            region=self.place.region,
            stack=self.stack,
            retention_days=self.retention_days,
            alerts=alert_names(self.groups),
            dashboards=dashboards(gateway=self.gateway),
            charts={prometheus.RELEASE: self.pins.chart(prometheus.RELEASE).version},
        )


class Monitoring(Component):
    """``operator`` brings the kinds (PodMonitor, PrometheusRule) that other charts use too."""

    workspace: aws.amp.Workspace | None = None

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Monitoring", name, args.facts(), opts)
        self.args = args
        self.namespace = self._object("namespace", prometheus.namespace())
        self.operator = self._operator()
        for scraped in (monitors.VLLM, *([monitors.GATEWAY] if args.gateway else [])):
            self._object(scraped.name, monitors.pod_monitor(scraped), [self.operator])
        rules = prometheus_rule("inferstack", prometheus.NAMESPACE, rule_spec(args.groups))
        self._object("alerts", rules, [self.operator])
        for board in dashboards(gateway=args.gateway):
            document = config_map(board, prometheus.NAMESPACE, dashboard(board))
            self._object(f"{board}-dashboard", document, [self.namespace])
        self.register_outputs({})

    def _object(
        self, part: str, document: kube.Document, depends_on: Sequence[pulumi.Resource] = ()
    ) -> kube.KubernetesObject:
        name = naming.logical(self.name, part)
        return kube.KubernetesObject(name, document, self.child(depends_on=depends_on))

    def _operator(self) -> Release:
        remote, needed = self._managed_workspace() if self.args.stack == "amp" else (None, [])
        return release(
            self,
            naming.logical(self.name, "prometheus"),
            self.args.pins.chart(prometheus.RELEASE),
            release_name=prometheus.RELEASE,
            namespace=prometheus.NAMESPACE,
            values=prometheus.stack_values(self.args.retention_days, remote),
            depends_on=[self.namespace, *self.args.depends_on, *needed],
            timeout_s=INSTALL_SECONDS,
        )

    def _managed_workspace(self) -> tuple[prometheus.Remote, list[pulumi.Resource]]:
        """A managed workspace in the region, and the right to write to it and to nothing else."""
        place = self.args.place
        self.workspace = aws.amp.Workspace(
            self.name,
            alias=f"inferstack-{self.args.environment}",
            kms_key_arn=self.args.key_arn,
            opts=self.child(),
        )
        name = naming.logical(self.name, "remote-write")
        # its id is known after deployment only; the tag says the same and can be read at preview
        write = iam.Statement(
            actions=("aps:RemoteWrite",),
            resources=(arns.metric_workspaces(place.region, place.account),),
            condition={"StringEquals": {"aws:ResourceTag/inferstack.dev/environment": self.args.environment}},
        )
        role = iam.pod_role(self, name, place, statements=[write])
        account = iam.ServiceAccount(namespace=prometheus.NAMESPACE, name=prometheus.SERVICE_ACCOUNT)
        identity = iam.pod_identity(self, name, place, account, role)
        url = pulumi.Output.concat(self.workspace.prometheus_endpoint, "api/v1/remote_write")
        return prometheus.Remote(url=url, region=place.region), [identity]
