"""The pod of a model server: container, environment, volumes, and what they are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from components import kube, naming, node_cache
from components.interconnect import nccl_environment
from components.lifecycle import probes
from components.pod_security import hardened_container, hardened_pod
from components.serving import NAMESPACE, PRIORITY
from components.vllm_args import POD_IP, PORT, Adapter, Launch, server_arguments
from components.weight_files import CLAIM, MOUNT, pod_volume
from inferstack.sizing.vllm_args import DRAFT_PATH

if TYPE_CHECKING:
    from components.lifecycle import Lifecycle
    from components.pins import Image
    from components.pod_resources import PodResources
    from inferstack.sizing.types import WorkloadPlan
    from inferstack.spec.derive import Limits

APP: Final = "vllm"
CACHE: Final = "/cache"
LWS_LEADER: Final = {"leaderworkerset.sigs.k8s.io/worker-index": "0"}
CLIENT_KEEP_ALIVE_S: Final = 75
"""Longer than the gateway keeps an idle connection, so the server never closes one under a request."""
AGENT_CIDR: Final = "169.254.170.23/32"
"""The Pod Identity agent on every node."""
FETCH_SCRIPT: Final = (
    "import sys\n"
    "from runai_model_streamer_s3.files.files import pull_files\n"
    "for source, target in zip(sys.argv[1::2], sys.argv[2::2]):\n"
    "    pull_files(source, target)\n"
)


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Which share of requests is traced, and where the spans go."""

    share: Decimal
    endpoint: str
    namespace: str
    port: int


@dataclass(frozen=True, kw_only=True)
class ServerSpec:
    """What the manifests of one workload depend on; all of it plain."""

    plan: WorkloadPlan
    image: Image
    region: str
    weights_uri: str
    resources: PodResources
    times: Lifecycle
    adapters: tuple[Adapter, ...] = ()
    draft_uri: str | None = None
    """Of the second model of speculative decoding."""
    other_names: tuple[str, ...] = ()
    """Model names of the gateway, other than its own, whose requests can come here."""
    limits: Limits | None = None
    """Of a rollout: histograms have its bounds, under way or not, so that its end restarts no server."""
    callers: tuple[str, ...] = ()
    """Namespaces whose pods may call; empty: any pod of the cluster."""
    routed: bool = False
    """A router of its own stands between the gateway and the replicas."""
    weight_files: bool = False
    """Weights are files of a mounted file system."""
    node_cache: bool = False
    """Compiled kernels stay on the node when the pod goes."""
    traces: Sampling | None = None

    @property
    def name(self) -> str:
        """Of Deployment or set, service account and all else of this server."""
        return naming.kubernetes("model", self.plan.workload, limit=52)

    @property
    def entry_name(self) -> str:
        """Of the Service that callers use; one called ``vllm`` would set VLLM_PORT.

        The set's own name belongs to the headless service of its controller, which makes none where another
        Service has it: no rank would find its leader.
        """
        return f"{self.name}-entry" if self.multi_node else self.name

    @property
    def multi_node(self) -> bool:
        return self.plan.chosen.nodes_per_replica > 1

    @property
    def labels(self) -> dict[str, str]:
        return {kube.LABEL_APP: APP, kube.LABEL_WORKLOAD: naming.label_value(self.plan.workload)}

    @property
    def entry_labels(self) -> dict[str, str]:
        """Pods that answer requests: all, or the leaders of groups."""
        return {**self.labels, **(LWS_LEADER if self.multi_node else {})}

    @property
    def fetched(self) -> tuple[tuple[str, str], ...]:
        """What is copied to local disk before the server starts: where from, and where to."""
        draft = ((self.draft_uri, DRAFT_PATH),) if self.draft_uri is not None else ()
        return (*((adapter.uri, adapter.path) for adapter in self.adapters), *draft)

    def metadata(
        self, annotations: Mapping[str, str] | None = None, *, name: str | None = None
    ) -> kube.Metadata:
        return kube.Metadata(
            name=name or self.name, namespace=NAMESPACE, labels=self.labels, annotations=annotations or {}
        )


def pod_template(spec: ServerSpec, *, leader: bool = True) -> dict[str, Any]:
    """Labels, annotations and spec; workers of a group (not ``leader``) answer no requests."""
    return {"metadata": _metadata(spec), "spec": _pod(spec, leader=leader)}


def _metadata(spec: ServerSpec) -> dict[str, Any]:
    # the node autoscaler leaves nodes with local storage alone unless told that this pod may go
    return {
        "labels": spec.labels,
        "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"},
    }


def _pod(spec: ServerSpec, *, leader: bool = True) -> dict[str, Any]:
    body = {
        **hardened_pod(spec.name),
        "terminationGracePeriodSeconds": spec.times.grace_s,
        "priorityClassName": PRIORITY,
        "nodeSelector": {kube.LABEL_WORKLOAD: naming.label_value(spec.plan.workload)},
        "tolerations": list(kube.GPU_TOLERATIONS),
        "containers": [_server(spec, leader=leader)],
        "volumes": _volumes(spec),
    }
    if spec.resources.claimed:
        claim = {"name": kube.GPU_CLAIM, "resourceClaimTemplateName": spec.name}
        body["resourceClaims"] = [claim]
    if spec.fetched:
        body["initContainers"] = [_fetch(spec)]
    return body if spec.multi_node else body | {"topologySpreadConstraints": _spread(spec)}


def _spread(spec: ServerSpec) -> list[dict[str, Any]]:
    """Over zones, then nodes; a preference, since a GPU in the wrong zone is better than a pending pod."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": spec.labels},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def _server(spec: ServerSpec, *, leader: bool) -> dict[str, Any]:
    launch = Launch(
        plan=spec.plan,
        weights_uri=spec.weights_uri,
        resources=spec.resources,
        times=spec.times,
        vllm_version=spec.image.version,
        adapters=spec.adapters,
        limits=spec.limits,
        traces_endpoint=spec.traces.endpoint if spec.traces else None,
    )
    arguments = server_arguments(launch, leader=leader)
    capabilities = ("IPC_LOCK",) if spec.resources.efa_interfaces else ()
    container = {
        "name": "vllm",
        "image": spec.image.reference,
        "args": arguments,
        "env": environment(spec),
        "resources": spec.resources.document(),
        "securityContext": hardened_container(added_capabilities=capabilities),
        "lifecycle": {"preStop": {"sleep": {"seconds": spec.times.pre_stop_s}}},
        "volumeMounts": _mounts(spec),
    }
    if leader:
        container["ports"] = [{"name": "http", "containerPort": PORT, "protocol": "TCP"}]
        container |= probes(spec.times)
    return container


def environment(spec: ServerSpec) -> list[dict[str, Any]]:
    """Settings that are not arguments: caches on writable disk, no telemetry, no calls to the Hub."""
    values = {
        "AWS_REGION": spec.region,
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "HOME": CACHE,
        "TORCHINDUCTOR_CACHE_DIR": f"{CACHE}/torchinductor",
        "TRITON_CACHE_DIR": f"{CACHE}/triton",
        "VLLM_CACHE_ROOT": f"{CACHE}/vllm",
        "VLLM_CONFIG_ROOT": f"{CACHE}/config",
        "VLLM_ENGINE_READY_TIMEOUT_S": str(spec.times.startup_s),
        "VLLM_HTTP_TIMEOUT_KEEP_ALIVE": str(CLIENT_KEEP_ALIVE_S),
        "VLLM_MAX_N_SEQUENCES": "64",
        "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "XDG_CACHE_HOME": f"{CACHE}/xdg",
        **nccl_environment(
            spec.resources.link,
            nodes=spec.plan.chosen.nodes_per_replica,
            efa=spec.resources.efa_interfaces > 0,
        ),
    }
    if spec.traces is not None:
        values |= {
            "OTEL_SERVICE_NAME": spec.plan.workload,
            # by the trace's id alone: a caller's flag cannot have every request of his recorded
            "OTEL_TRACES_SAMPLER": "traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": format(spec.traces.share, "f"),
        }
    found: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in sorted(values.items())]
    if spec.multi_node and spec.plan.chosen.dp > 1:
        own_address = {"fieldRef": {"fieldPath": "status.podIP"}}
        found.insert(0, {"name": POD_IP, "valueFrom": own_address})
    return found


def _fetch(spec: ServerSpec) -> dict[str, Any]:
    pairs = [part for pair in spec.fetched for part in pair]
    return {
        "name": "adapters",
        "image": spec.image.reference,
        "command": ["python3", "-c", FETCH_SCRIPT],
        "args": pairs,
        "env": [{"name": "AWS_REGION", "value": spec.region}],
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "securityContext": hardened_container(),
        "volumeMounts": [
            {"name": "adapters", "mountPath": "/adapters"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - inside the container
        ],
    }


def _volumes(spec: ServerSpec) -> list[dict[str, Any]]:
    shm = {"medium": "Memory", "sizeLimit": f"{spec.resources.shm_gib}Gi"}
    volumes: list[dict[str, Any]] = [
        {"name": "shm", "emptyDir": shm},
        node_cache.volume() if spec.node_cache else {"name": "cache", "emptyDir": {"sizeLimit": "20Gi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "10Gi"}},
    ]
    if spec.weight_files:
        volumes.append(pod_volume())
    return volumes + ([{"name": "adapters", "emptyDir": {"sizeLimit": "20Gi"}}] if spec.fetched else [])


def _mounts(spec: ServerSpec) -> Sequence[Mapping[str, Any]]:
    mounts: list[dict[str, Any]] = [
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - inside the container
        {"name": "cache", "mountPath": CACHE},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - inside the container
    ]
    if spec.weight_files:
        mounts.append({"name": CLAIM, "mountPath": MOUNT, "readOnly": True})
    adapters = {"name": "adapters", "mountPath": "/adapters", "readOnly": True}
    return mounts + ([adapters] if spec.fetched else [])
