"""Makes GPUs usable and visible: device plugin or DRA driver, DCGM exporter, EFA plugin for groups of nodes.

Who hands GPUs out is one choice for the whole cluster: a device plugin and a DRA driver on one node would
both give the same GPU away, and nobody would notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import pulumi

from components import kube, naming, node_cache
from components.base import Component
from components.charts import SYSTEM_NAMESPACE, release
from components.facts import ChartFacts

if TYPE_CHECKING:
    from pulumi_kubernetes.helm.v3 import Release

    from components.node_image import NodeImage
    from components.pins import Image, Pins

NAMESPACE: Final = "gpu-runtime"
DEVICE_PLUGIN: Final = "nvidia-device-plugin"
DCGM_EXPORTER: Final = "dcgm-exporter"
DRA_DRIVER: Final = "dra-driver-nvidia-gpu"
EFA_PLUGIN: Final = "aws-efa-k8s-device-plugin"
EKS_IMAGE_ACCOUNT: Final = "602401143452"
"""Owner of EKS images in the regions that are on by default; opt-in regions have their own."""


@dataclass(frozen=True, kw_only=True)
class GpuRuntimeArgs:
    environment: str
    region: str
    efa: bool
    devices: Literal["device-plugin", "dra"]
    node_image: NodeImage
    cache_image: Image | None
    """Runs the daemon that makes the compile cache's place on nodes; None: it stays in the pods."""
    prometheus: pulumi.Resource | None
    """What brings the Prometheus operator's kinds; None: DCGM is not scraped."""
    pins: Pins

    @property
    def allocator(self) -> str | None:
        """The chart that hands GPUs out; None: Bottlerocket's own device plugin does."""
        if self.devices == "dra":
            return DRA_DRIVER
        return None if self.node_image == "bottlerocket" else DEVICE_PLUGIN

    def facts(self) -> ChartFacts:
        allocator = [self.allocator] if self.allocator else []
        names = [*allocator, DCGM_EXPORTER, *([EFA_PLUGIN] if self.efa else [])]
        return ChartFacts(
            environment=self.environment, charts={name: self.pins.chart(name).version for name in names}
        )


class GpuRuntime(Component):
    """Daemons of GPU nodes. The image brings driver, CUDA and container toolkit; it lacks exactly these.

    ``allocators`` is what pods with GPUs wait for.
    """

    def __init__(self, name: str, args: GpuRuntimeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("GpuRuntime", name, args.facts(), opts)
        self.args = args
        self.namespace = kube.KubernetesObject(naming.logical(name, "namespace"), namespace(), self.child())
        chart = args.allocator
        values = {DEVICE_PLUGIN: device_plugin_values, DRA_DRIVER: dra_values}
        self.allocators: tuple[pulumi.Resource, ...] = (
            (self._release(chart, values[chart]()),) if chart is not None else ()
        )
        if args.cache_image is not None:
            document = node_cache.daemon(NAMESPACE, args.cache_image)
            where = naming.logical(name, node_cache.NAME)
            kube.KubernetesObject(where, document, self.child(depends_on=[self.namespace]))
        self._release(DCGM_EXPORTER, dcgm_values(scrape=args.prometheus is not None), self._scraped())
        if args.efa:
            self._release(EFA_PLUGIN, efa_values(args.region), where=SYSTEM_NAMESPACE)
        self.register_outputs({})

    def _scraped(self) -> tuple[pulumi.Resource, ...]:
        return (self.args.prometheus,) if self.args.prometheus is not None else ()

    def _release(
        self,
        chart: str,
        values: Mapping[str, Any],
        depends_on: Sequence[pulumi.Resource] = (),
        where: str = NAMESPACE,
    ) -> Release:
        return release(
            self,
            naming.logical(self.name, chart),
            self.args.pins.chart(chart),
            release_name=chart,
            namespace=where,
            values=values,
            depends_on=[*depends_on, *([self.namespace] if where == NAMESPACE else [])],
        )


def namespace() -> dict[str, Any]:
    """Privileged: both daemons mount host paths and devices."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return kube.manifest("v1", "Namespace", kube.Metadata(name=NAMESPACE, labels=labels))


def device_plugin_values() -> dict[str, Any]:
    return {
        "fullnameOverride": DEVICE_PLUGIN,
        # discovery would need node-feature-discovery; EKS labels the nodes and pods select by workload
        "gfd": {"enabled": False},
        "nodeSelector": dict(kube.GPU_NODES),
        "tolerations": [*kube.GPU_TOLERATIONS, {"key": "CriticalAddonsOnly", "operator": "Exists"}],
        "mofedEnabled": False,
        "gdrcopyEnabled": False,
        "failOnInitError": True,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
    }


def dra_values() -> dict[str, Any]:
    """GPUs only: compute domains are for NVLink over several nodes (GB200)."""
    return {
        "fullnameOverride": DRA_DRIVER,
        # the chart asks for a word that no device plugin runs beside it
        "gpuResourcesEnabledOverride": True,
        "resources": {"gpus": {"enabled": True}, "computeDomains": {"enabled": False}},
        "kubeletPlugin": {"nodeSelector": dict(kube.GPU_NODES), "tolerations": list(kube.GPU_TOLERATIONS)},
    }


def dcgm_values(*, scrape: bool) -> dict[str, Any]:
    return {
        "fullnameOverride": DCGM_EXPORTER,
        "nodeSelector": dict(kube.GPU_NODES),
        "tolerations": list(kube.GPU_TOLERATIONS),
        # 512Mi is killed on nodes with eight GPUs
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "serviceMonitor": {"enabled": scrape, "interval": "30s", "honorLabels": True},
    }


def efa_values(region: str) -> dict[str, Any]:
    repository = f"{EKS_IMAGE_ACCOUNT}.dkr.ecr.{region}.amazonaws.com/eks/aws-efa-k8s-device-plugin"
    return {
        "image": {"repository": repository},
        "tolerations": list(kube.GPU_TOLERATIONS),
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
    }
