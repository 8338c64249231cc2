"""Objects around a model server's pods: Deployment or LeaderWorkerSet, Service, budget, network policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components import gateway_names, kube
from components.router_names import router_labels
from components.vllm_args import PORT
from components.vllm_pod import AGENT_CIDR, pod_template

DEVICE_CLASS = "gpu.nvidia.com"
"""Made by the DRA driver's chart."""

if TYPE_CHECKING:
    from components.vllm_pod import ServerSpec


def service_account(spec: ServerSpec) -> dict[str, Any]:
    return kube.manifest("v1", "ServiceAccount", spec.metadata(), automountServiceAccountToken=False)


def service(spec: ServerSpec) -> dict[str, Any]:
    # endpoints come when weights are loaded; the Deployment already waits for that
    metadata = spec.metadata({kube.SKIP_AWAIT_ANNOTATION: "true"}, name=spec.entry_name)
    ports = [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}]
    body = {"type": "ClusterIP", "selector": spec.entry_labels, "ports": ports}
    return kube.manifest("v1", "Service", metadata, spec=body)


def device_claim(spec: ServerSpec) -> dict[str, Any]:
    """What each pod claims of the DRA driver: whole GPUs of its node, as many as its ranks."""
    exactly = {
        "deviceClassName": DEVICE_CLASS,
        "allocationMode": "ExactCount",
        "count": spec.resources.gpus,
    }
    claim = {"devices": {"requests": [{"name": kube.GPU_CLAIM, "exactly": exactly}]}}
    return kube.manifest("resource.k8s.io/v1", "ResourceClaimTemplate", spec.metadata(), spec={"spec": claim})


def disruption_budget(spec: ServerSpec, *, scaled: bool = False) -> dict[str, Any]:
    """Drains may take what redundancy allows, and always one: a budget of none blocks every upgrade.

    ``scaled``: at a quiet hour the spares of the peak's fleet may be all there is, so one at a time.
    """
    spare = 1 if scaled else max(1, spec.plan.chosen.replicas - spec.plan.chosen.replicas_serving)
    body = {"maxUnavailable": spare, "selector": {"matchLabels": spec.entry_labels}}
    return kube.manifest("policy/v1", "PodDisruptionBudget", spec.metadata(), spec=body)


def network_policy(spec: ServerSpec) -> dict[str, Any]:
    """In: callers on the server's port. Out: names, HTTPS (S3), credentials. Groups: each other."""
    own = [{"podSelector": {"matchLabels": spec.labels}}]
    port = [{"protocol": "TCP", "port": PORT}]
    ingress: list[dict[str, Any]] = [{"from": _callers(spec), "ports": port}]
    egress: list[dict[str, Any]] = [
        {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
        {"ports": [{"protocol": "TCP", "port": 443}]},
        {"to": [{"ipBlock": {"cidr": AGENT_CIDR}}], "ports": [{"protocol": "TCP", "port": 80}]},
    ]
    if spec.traces is not None:
        collector = {"matchLabels": {"kubernetes.io/metadata.name": spec.traces.namespace}}
        ports = [{"protocol": "TCP", "port": spec.traces.port}]
        egress.append({"to": [{"namespaceSelector": collector}], "ports": ports})
    if spec.multi_node:
        # traffic between ranks is neither authenticated nor encrypted
        ingress.append({"from": own})
        egress.append({"to": own})
    body = {
        "podSelector": {"matchLabels": spec.labels},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress,
        "egress": egress,
    }
    return kube.manifest("networking.k8s.io/v1", "NetworkPolicy", spec.metadata(), spec=body)


def _callers(spec: ServerSpec) -> list[dict[str, Any]]:
    if not spec.callers:
        return [{"namespaceSelector": {}}]
    router = [{"podSelector": {"matchLabels": own}} for own in router_labels(spec.plan.workload)]
    return [*(_caller(name) for name in spec.callers), *(router if spec.routed else [])]


def _caller(namespace: str) -> dict[str, Any]:
    """Of the gateway's namespace LiteLLM alone: not its database, its cache or its jobs."""
    place: dict[str, Any] = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    if namespace == gateway_names.NAMESPACE:
        place["podSelector"] = {"matchLabels": gateway_names.LABELS}
    return place


def deployment(spec: ServerSpec, *, scaled: bool = False) -> dict[str, Any]:
    """A rollout that needs no GPU that is not there: surge where the plan has it, else one by one.

    ``scaled``: an autoscaler sets the replicas; a number here would undo its work at every update.
    """
    chosen = spec.plan.chosen
    surge = chosen.surge_replicas
    rolling = {"maxSurge": surge, "maxUnavailable": 0} if surge else {"maxSurge": 0, "maxUnavailable": 1}
    body = {
        **({} if scaled else {"replicas": chosen.replicas}),
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": spec.times.progress_s,
        "selector": {"matchLabels": spec.labels},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        "template": pod_template(spec),
    }
    metadata = spec.metadata({kube.TIMEOUT_ANNOTATION: str(spec.times.await_s)})
    return kube.manifest("apps/v1", "Deployment", metadata, spec=body)


def leader_worker_set(spec: ServerSpec, *, scaled: bool = False) -> dict[str, Any]:
    """Groups of nodes; a group restarts as a whole, since a rank that is lost takes the engine with it."""
    chosen = spec.plan.chosen
    surge = chosen.surge_replicas
    rolling = {"maxSurge": surge, "maxUnavailable": 0 if surge else 1}
    body = {
        **({} if scaled else {"replicas": chosen.replicas}),
        "startupPolicy": "LeaderCreated",
        "rolloutStrategy": {"type": "RollingUpdate", "rollingUpdateConfiguration": rolling},
        "leaderWorkerTemplate": {
            "size": chosen.nodes_per_replica,
            "restartPolicy": "RecreateGroupOnPodRestart",
            "leaderTemplate": pod_template(spec),
            "workerTemplate": pod_template(spec, leader=False),
        },
    }
    return kube.manifest("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", spec.metadata(), spec=body)
