"""What scales model servers: KEDA, or the adapter that plain HorizontalPodAutoscalers read metrics through.

The charts' operators come once per environment; what is scaled, and when, stands beside each server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import pulumi

from components import arns, iam, kube, naming, prometheus, scaling, serving
from components.base import Component
from components.charts import release
from components.facts import AutoscalingFacts

if TYPE_CHECKING:
    from pulumi_kubernetes.helm.v3 import Release

    from components.pins import Pins

KEDA: Final = "keda"
ADAPTER: Final = "prometheus-adapter"
OPERATOR: Final = "keda-operator"
PROMETHEUS_HOST: Final = f"{prometheus.RELEASE}-prometheus.{prometheus.NAMESPACE}.svc"
PROMETHEUS_PORT: Final = 9090


@dataclass(frozen=True, kw_only=True)
class AutoscalingArgs:
    environment: str
    place: iam.Place
    kinds: tuple[Literal["keda", "hpa"], ...]
    """Which of the two some workload asks for, sorted."""
    workspace_endpoint: pulumi.Input[str] | None
    """Of a managed Prometheus workspace; None: Prometheus in the cluster is asked."""
    pins: Pins
    depends_on: Sequence[pulumi.Resource]
    """Metrics and the namespace of the servers."""
    keda_exists: bool = False
    """The cluster runs KEDA already; its operator's rights on a workspace are its owner's."""

    def facts(self) -> AutoscalingFacts:
        return AutoscalingFacts(
            environment=self.environment,
            charts={name: self.pins.chart(name).version for name in self.releases},
            metrics="amp" if self.workspace_endpoint is not None else "prometheus",
        )

    @property
    def releases(self) -> tuple[str, ...]:
        names = {"keda": KEDA, "hpa": ADAPTER}
        wanted = (names[kind] for kind in self.kinds)
        return tuple(sorted(name for name in wanted if name != KEDA or not self.keda_exists))


class Autoscaling(Component):
    """``ready`` is what a scaler of a kind depends on."""

    def __init__(self, name: str, args: AutoscalingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Autoscaling", name, args.facts(), opts)
        self.args = args
        self.ready: dict[str, tuple[pulumi.Resource, ...]] = {}
        if "keda" in args.kinds:
            self.ready["keda"] = self._keda()
        if "hpa" in args.kinds:
            self.ready["hpa"] = (self._adapter(),)
        self.register_outputs({})

    @property
    def source(self) -> scaling.MetricsSource:
        endpoint = self.args.workspace_endpoint
        if endpoint is None:
            return scaling.MetricsSource(address=f"http://{PROMETHEUS_HOST}:{PROMETHEUS_PORT}")
        # KEDA puts "/api/v1/query" behind it, and the service takes no double slash
        address = pulumi.Output.from_input(endpoint).apply(lambda url: url.rstrip("/"))
        return scaling.MetricsSource(address=address, region=self.args.place.region)

    def _object(
        self, part: str, document: kube.Document, depends_on: Sequence[pulumi.Resource]
    ) -> kube.KubernetesObject:
        return kube.KubernetesObject(
            naming.logical(self.name, part), document, self.child(depends_on=depends_on)
        )

    def _keda(self) -> tuple[pulumi.Resource, ...]:
        operator = [] if self.args.keda_exists else [self._operator()]
        if self.args.workspace_endpoint is None:
            return tuple(operator)
        signed = self._object("authentication", scaling.authentication(), [*operator, *self.args.depends_on])
        return (*operator, signed)

    def _operator(self) -> Release:
        needed = [self._object("namespace", keda_namespace(), ()), *self.args.depends_on]
        if self.args.workspace_endpoint is not None:
            needed.append(self._identity())
        return self._release(KEDA, KEDA, keda_values(self.args.place.cluster), needed)

    def _identity(self) -> pulumi.Resource:
        """KEDA may query this environment's workspace and nothing else."""
        place, name = self.args.place, naming.logical(self.name, "keda")
        read = iam.Statement(
            actions=("aps:QueryMetrics",),
            resources=(arns.metric_workspaces(place.region, place.account),),
            condition={"StringEquals": {"aws:ResourceTag/inferstack.dev/environment": self.args.environment}},
        )
        role = iam.pod_role(self, name, place, statements=[read])
        account = iam.ServiceAccount(namespace=KEDA, name=OPERATOR)
        return iam.pod_identity(self, name, place, account, role)

    def _adapter(self) -> Release:
        return self._release(ADAPTER, prometheus.NAMESPACE, adapter_values(), self.args.depends_on)

    def _release(
        self, chart: str, namespace: str, values: dict[str, Any], depends_on: Sequence[pulumi.Resource]
    ) -> Release:
        return release(
            self,
            naming.logical(self.name, chart),
            self.args.pins.chart(chart),
            release_name=chart,
            namespace=namespace,
            values=values,
            depends_on=depends_on,
        )


def keda_namespace() -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return kube.manifest("v1", "Namespace", kube.Metadata(name=KEDA, labels=labels))


def keda_values(cluster: str) -> dict[str, Any]:
    """Two of each on system nodes: while KEDA is away, nothing scales and nothing wakes."""
    memory = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
    roles = ("operator", "metricServer", "webhooks")
    return {
        "clusterName": cluster,
        "watchNamespace": serving.NAMESPACE,
        "image": {"pullPolicy": "IfNotPresent"},
        "operator": {"name": OPERATOR, "replicaCount": 2},
        "metricsServer": {"replicaCount": 2},
        # it would have to answer whenever an object changes; ours are checked before they are applied
        "webhooks": {"enabled": False},
        "serviceAccount": {"operator": {"create": True, "name": OPERATOR}},
        # Deployments are always allowed; no other kind needs to be
        "rbac": {"scaledRefKinds": [{"apiGroup": "leaderworkerset.x-k8s.io", "kind": "leaderworkersets"}]},
        # scalers that cannot read their metrics are seen, and alerted on
        "prometheus": {"operator": {"enabled": True, "serviceMonitor": {"enabled": True}}},
        # no trigger reads a secret
        "permissions": {"operator": {"restrict": {"secret": True}}},
        "podDisruptionBudget": {"operator": {"maxUnavailable": 1}, "metricServer": {"maxUnavailable": 1}},
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": dict(prometheus.SYSTEM_POOL),
        "resources": dict.fromkeys(roles, memory),
        "enableServiceLinks": False,
    }


def adapter_values() -> dict[str, Any]:
    return {
        "prometheus": {"url": f"http://{PROMETHEUS_HOST}", "port": PROMETHEUS_PORT},
        "replicas": 2,
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": dict(prometheus.SYSTEM_POOL),
        "metricsRelistInterval": "30s",
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        # colons are not allowed in names of the custom metrics API
        "rules": {
            "default": False,
            "custom": [_rule(scaling.WAITING, _WAITING), _rule(scaling.IN_FLIGHT, _BOTH)],
        },
    }


_SUM: Final = "sum by (<<.GroupBy>>) (vllm:num_requests_{}{{<<.LabelMatchers>>}})"
_WAITING: Final = _SUM.format("waiting")
_BOTH: Final = f"{_SUM.format('running')} + {_WAITING}"


def _rule(name: str, query: str) -> dict[str, Any]:
    overrides = {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}
    return {
        "seriesQuery": f'vllm:num_requests_waiting{{namespace="{serving.NAMESPACE}",pod!=""}}',
        "resources": {"overrides": overrides},
        "name": {"as": name},
        "metricsQuery": query,
    }
