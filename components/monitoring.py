"""Metrics, dashboards, alerts, request samples: kube-prometheus-stack, with Amazon's workspace if wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_aws as aws

from components import alert_routes, iam, kube, managed_metrics, monitors, naming, prometheus, trace_collector
from components.alert_routes import AlertRoutes
from components.alerts import Scope, rule_groups
from components.base import Component
from components.charts import release
from components.dashboards import PROMETHEUS_PLUGIN, config_map, dashboard, dashboards
from components.facts import MonitoringFacts
from components.rules import RUNBOOKS, Group, alert_names, prometheus_rule, rule_spec
from components.trace_collector import TraceSpec

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
    grafana: Literal["cluster", "amg", "none"]
    retention_days: int
    workloads: tuple[Watched, ...]
    gateway: bool
    """There is one to watch."""
    routes: AlertRoutes
    webhook_url: pulumi.Input[str] | None
    """Absent: the cluster has the Secret from elsewhere (``alert-webhook``)."""
    sampling: Decimal
    traces: TraceSpec | None
    """None: no request is sampled."""
    key_arn: pulumi.Input[str]
    pins: Pins
    depends_on: Sequence[pulumi.Resource]
    """The storage class its volumes need."""

    @property
    def managed(self) -> bool:
        return self.stack == "amp"

    @property
    def routed(self) -> bool:
        return any(watched.routed for watched in self.workloads)

    @property
    def groups(self) -> tuple[Group, ...]:
        return rule_groups(
            Scope(
                workloads=self.workloads,
                retention_days=self.retention_days,
                gateway=self.gateway,
                collector=self.traces is not None,
                managed=self.managed,
            )
        )

    @property
    def runbooks(self) -> str:
        return self.routes.runbooks or RUNBOOKS

    def facts(self) -> MonitoringFacts:
        return MonitoringFacts(
            environment=self.environment,
            region=self.place.region,
            stack=self.stack,
            grafana=self.grafana,
            retention_days=self.retention_days,
            alerts=alert_names(self.groups),
            alert_topic=self.routes.topic_arn,
            alert_emails=self.routes.emails,
            alert_webhook=self.routes.webhook,
            dashboards=dashboards(gateway=self.gateway, routed=self.routed),
            sampling=self.sampling if self.traces else Decimal(0),
            traces_to=self.traces.destination if self.traces else None,
            charts={prometheus.RELEASE: self.pins.chart(prometheus.RELEASE).version},
        )


class Monitoring(Component):
    """``operator`` brings the kinds (PodMonitor, PrometheusRule) that other charts use too."""

    workspace: aws.amp.Workspace | None = None

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Monitoring", name, args.facts(), opts)
        self.args = args
        self.namespace = self._object("namespace", prometheus.namespace())
        self.routes_ready = self._routes()
        self.operator = self._operator()
        self._watch()
        self._show()
        if args.traces is not None:
            self._sample(args.traces)
        self.register_outputs({})

    def _object(
        self, part: str, document: kube.Document, depends_on: Sequence[pulumi.Resource] = ()
    ) -> kube.KubernetesObject:
        name = naming.logical(self.name, part)
        return kube.KubernetesObject(name, document, self.child(depends_on=depends_on))

    def _routes(self) -> list[pulumi.Resource]:
        """What the alert manager needs to tell somebody."""
        args, routes = self.args, self.args.routes
        made = alert_routes.topic(self, routes, managed=args.managed)
        if args.managed:
            return made
        if routes.topic_arn:
            name = naming.logical(self.name, "alertmanager")
            role = iam.pod_role(self, name, args.place, statements=routes.publish)
            account = prometheus.service_account("alertmanager")
            made.append(iam.pod_identity(self, name, args.place, account, role))
        if routes.webhook and args.webhook_url is not None:
            metadata = kube.Metadata(name=alert_routes.WEBHOOK_SECRET, namespace=prometheus.NAMESPACE)
            values = {alert_routes.WEBHOOK_KEY: args.webhook_url}
            secret = kube.manifest("v1", "Secret", metadata, type="Opaque", stringData=values)
            made.append(self._object("webhook", secret, [self.namespace]))
        return made

    def _operator(self) -> Release:
        args = self.args
        remote, needed = self._managed_workspace() if args.managed else (None, [])
        values = prometheus.stack_values(args.retention_days, remote)
        values["alertmanager"] |= prometheus.alertmanager_values(args.routes, managed=args.managed)
        values["grafana"] |= prometheus.grafana_values(args.grafana, remote)
        return release(
            self,
            naming.logical(self.name, "prometheus"),
            args.pins.chart(prometheus.RELEASE),
            release_name=prometheus.RELEASE,
            namespace=prometheus.NAMESPACE,
            values=values,
            depends_on=[self.namespace, *args.depends_on, *needed, *self.routes_ready],
            timeout_s=INSTALL_SECONDS,
        )

    def _managed_workspace(self) -> tuple[prometheus.Remote, list[pulumi.Resource]]:
        """A workspace in the region; Prometheus may write to it, Grafana read it, and nothing else."""
        args = self.args
        self.workspace = managed_metrics.workspace(self, args.environment, args.key_arn, args.retention_days)
        managed_metrics.rules_and_routes(self, self.workspace, args.groups, args.routes, args.runbooks)
        writer = prometheus.service_account("prometheus")
        identities = [self._access("remote-write", writer, managed_metrics.WRITE)]
        if args.grafana == "cluster":
            reader = prometheus.service_account("grafana")
            identities.append(self._access("grafana", reader, managed_metrics.READ))
        elif args.grafana == "amg":
            managed_metrics.grafana_workspace(self, args.environment, args.place)
        url = self.workspace.prometheus_endpoint
        return prometheus.Remote(url=url, region=args.place.region), identities

    def _access(self, part: str, account: iam.ServiceAccount, actions: tuple[str, ...]) -> pulumi.Resource:
        return managed_metrics.access(self, part, self.args.environment, self.args.place, account, actions)

    def _watch(self) -> None:
        args = self.args
        scraped = [monitors.VLLM]
        scraped += [monitors.GATEWAY] if args.gateway else []
        scraped += [monitors.PROXIES, monitors.PICKERS] if args.routed else []
        scraped += [monitors.COLLECTOR] if args.traces else []
        for one in scraped:
            self._object(one.name, monitors.pod_monitor(one), [self.operator])
        if not args.managed:
            rules = prometheus_rule("inferstack", prometheus.NAMESPACE, rule_spec(args.groups, args.runbooks))
            self._object("alerts", rules, [self.operator])

    def _show(self) -> None:
        """For a Grafana elsewhere they are documents to import."""
        plugin = prometheus.PLUGIN if self.args.managed else PROMETHEUS_PLUGIN
        for board in dashboards(gateway=self.args.gateway, routed=self.args.routed):
            document = config_map(board, prometheus.NAMESPACE, dashboard(board, plugin))
            self._object(f"{board}-dashboard", document, [self.namespace])

    def _sample(self, traces: TraceSpec) -> None:
        needed: list[pulumi.Resource] = [
            self._object(f"traces-{document['kind'].lower()}", document, [self.namespace])
            for document in trace_collector.documents(traces)
        ]
        if traces.endpoint is None:
            name = naming.logical(self.name, "traces")
            write = iam.Statement(actions=trace_collector.XRAY_ACTIONS, resources=("*",))
            role = iam.pod_role(self, name, self.args.place, statements=[write])
            account = iam.ServiceAccount(namespace=prometheus.NAMESPACE, name=trace_collector.APP)
            needed.append(iam.pod_identity(self, name, self.args.place, account, role))
        self._object("traces", trace_collector.deployment(traces), needed)
