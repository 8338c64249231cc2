"""What scales a model server: a KEDA ScaledObject, or a plain HorizontalPodAutoscaler with the same marks.

Every query is summed to one series: KEDA refuses several, and the metrics of two models must never mix. A
query without a result is an error (``ignoreNullValues: false``), never a load of nothing: after three of them
KEDA holds at least the planned fleet and takes no replica away.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Literal

from components import kube, naming
from components.serving import NAMESPACE

if TYPE_CHECKING:
    import pulumi

    from components.vllm_pod import ServerSpec

POLL_S: Final = 15
FAILURES: Final = 3
"""Polls without an answer before the fallback holds the fleet."""
CALM_S: Final = 300
"""Least time of a lower load before a replica goes."""
LONGEST_CALM_S: Final = 3600
"""Kubernetes accepts no longer window."""
RATE_WINDOW: Final = "2m"
"""Four scrapes."""
AUTHENTICATION: Final = "metrics"
IN_FLIGHT: Final = "inferstack_requests_in_flight"
WAITING: Final = "inferstack_requests_waiting"


@dataclass(frozen=True, kw_only=True)
class MetricsSource:
    """Where queries are asked. ``region`` is stated where requests must be signed (Amazon's service)."""

    address: pulumi.Input[str]
    region: str | None = None


@dataclass(frozen=True, kw_only=True)
class Scaler:
    """Who sets the number of replicas of one server, and the metrics it reads."""

    kind: Literal["keda", "hpa"]
    source: MetricsSource
    gateway: bool
    """Callers come through a gateway that counts them."""


def selector(spec: ServerSpec) -> str:
    return f'namespace="{NAMESPACE}",workload="{naming.label_value(spec.plan.workload)}"'


def waiting_query(spec: ServerSpec) -> str:
    return f"sum(vllm:num_requests_waiting{{{selector(spec)}}})"


def in_flight_query(spec: ServerSpec) -> str:
    return f"sum(vllm:num_requests_running{{{selector(spec)}}}) + {waiting_query(spec)}"


def arrivals_query(spec: ServerSpec) -> str:
    """Requests per second at the gateway. It counts nothing until the first one comes: that is no load."""
    names = "|".join([spec.plan.served_model_name, *(adapter.name for adapter in spec.adapters)])
    counted = f'litellm_proxy_total_requests_metric_total{{requested_model=~"{names}"}}'
    own = f"sum(rate({counted}[{RATE_WINDOW}])) or vector(0)"
    if not spec.other_names:
        return own
    # of the callers of another name only those that were sent here, answered or not
    ids = "|".join(f"{name}/{spec.plan.workload}" for name in spec.other_names)
    sent = f'litellm_deployment_total_requests_total{{model_id=~"{ids}"}}'
    return f"({own}) + (sum(rate({sent}[{RATE_WINDOW}])) or vector(0))"


def unless_asleep(spec: ServerSpec, query: str) -> str:
    """Nothing from the servers is zero, not an outage, while no server is up.

    Where a workload may sleep, its metrics vanish with its pods; that none is up must be known from another
    source, or a scrape that broke would send a busy workload to sleep.
    """
    if spec.multi_node:
        pods = f'kube_pod_status_ready{{namespace="{NAMESPACE}",condition="true"}}'
        own = f'kube_pod_status_ready{{namespace="{NAMESPACE}",pod=~"{spec.name}-[0-9]+",condition="true"}}'
        nobody = f"(count({pods}) unless sum({own}) > 0)"
    else:
        target = f'namespace="{NAMESPACE}",deployment="{spec.name}"'
        nobody = f"sum(kube_deployment_status_replicas_available{{{target}}}) == 0"
    return f"({query}) or (vector(0) and {nobody})"


def calm_s(spec: ServerSpec) -> int:
    """A replica that goes is missed for a whole cold start: it stays at least as long unneeded first."""
    cold_start_s = ceil(spec.plan.load_time.total_s / 60) * 60
    return min(LONGEST_CALM_S, max(CALM_S, cold_start_s))


def behaviour(spec: ServerSpec) -> dict[str, Any]:
    """Up at once and at most doubling each minute; down one by one after a calm."""
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 100, "periodSeconds": 60},
                {"type": "Pods", "value": 2, "periodSeconds": 60},
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": calm_s(spec),
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 120}],
        },
    }


def target(spec: ServerSpec) -> dict[str, str]:
    kind = (
        ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet") if spec.multi_node else ("apps/v1", "Deployment")
    )
    return {"apiVersion": kind[0], "kind": kind[1], "name": spec.name}


def scaled_object(spec: ServerSpec, scaler: Scaler) -> dict[str, Any]:
    plan = spec.plan
    body: dict[str, Any] = {
        "scaleTargetRef": target(spec),
        "pollingInterval": POLL_S,
        "minReplicaCount": plan.min_replicas,
        "maxReplicaCount": plan.max_replicas,
        "fallback": {
            "failureThreshold": FAILURES,
            "replicas": plan.chosen.replicas,
            "behavior": "currentReplicasIfHigher",
        },
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behaviour(spec)}},
        "triggers": triggers(spec, scaler),
    }
    if plan.min_replicas == 0:
        # asleep only after being useless for twice as long as waking takes
        body["cooldownPeriod"] = max(2 * calm_s(spec), spec.times.startup_s)
        body["initialCooldownPeriod"] = spec.times.progress_s
    return kube.manifest("keda.sh/v1alpha1", "ScaledObject", spec.metadata(), spec=body)


def triggers(spec: ServerSpec, scaler: Scaler) -> list[dict[str, Any]]:
    marks, sleeps = spec.plan.scale, spec.plan.min_replicas == 0
    queries = [
        ("waiting", waiting_query(spec), float(marks.waiting)),
        ("in-flight", in_flight_query(spec), float(marks.concurrency)),
    ]
    if sleeps:
        queries = [(name, unless_asleep(spec, query), mark) for name, query, mark in queries]
    if scaler.gateway:
        queries.append(("arrivals", arrivals_query(spec), marks.requests_per_second))
    return [_trigger(scaler.source, name, query, mark) for name, query, mark in queries]


def _trigger(source: MetricsSource, name: str, query: str, mark: float) -> dict[str, Any]:
    metadata: dict[str, pulumi.Input[str]] = {
        "serverAddress": source.address,
        "query": query,
        "threshold": f"{mark:.4g}",
        "activationThreshold": "0",
        "ignoreNullValues": "false",
    }
    found: dict[str, Any] = {"type": "prometheus", "name": name, "metricType": "AverageValue"}
    if source.region is None:
        return {**found, "metadata": metadata}
    return {
        **found,
        "metadata": {**metadata, "awsRegion": source.region},
        "authenticationRef": {"name": AUTHENTICATION},
    }


def authentication() -> dict[str, Any]:
    """Queries are signed with the identity of KEDA's own pods."""
    metadata = kube.Metadata(name=AUTHENTICATION, namespace=NAMESPACE)
    return kube.manifest(
        "keda.sh/v1alpha1", "TriggerAuthentication", metadata, spec={"podIdentity": {"provider": "aws"}}
    )


def horizontal_pod_autoscaler(spec: ServerSpec) -> dict[str, Any]:
    """The same marks by pod, through the custom metrics API; without metrics it changes nothing."""
    marks = ((WAITING, spec.plan.scale.waiting), (IN_FLIGHT, spec.plan.scale.concurrency))
    body = {
        "scaleTargetRef": target(spec),
        "minReplicas": max(1, spec.plan.min_replicas),
        "maxReplicas": spec.plan.max_replicas,
        "metrics": [
            {
                "type": "Pods",
                "pods": {
                    "metric": {"name": name},
                    "target": {"type": "AverageValue", "averageValue": str(mark)},
                },
            }
            for name, mark in marks
        ],
        "behavior": behaviour(spec),
    }
    return kube.manifest("autoscaling/v2", "HorizontalPodAutoscaler", spec.metadata(), spec=body)
