"""Names and labels of a workload's inference router that objects of others refer to, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from components import kube, naming
from components.serving import NAMESPACE
from components.vllm_args import PORT

PROXY_APP: Final = "inference-router"
PICKER_APP: Final = "endpoint-picker"
LABEL_ROUTES: Final = "inferstack.dev/routes-to"
"""On a router's pods: the workload. The workload's own label is on its servers alone."""


def labels(app: str, workload: str) -> dict[str, str]:
    return {kube.LABEL_APP: app, LABEL_ROUTES: naming.label_value(workload)}


def router_labels(workload: str) -> tuple[dict[str, str], dict[str, str]]:
    """Of the proxy's pods and the picker's: both reach the replicas."""
    return labels(PROXY_APP, workload), labels(PICKER_APP, workload)


@dataclass(frozen=True, kw_only=True)
class RouterNames:
    """Of a workload's proxy, its picker and its pool."""

    workload: str

    @property
    def proxy(self) -> str:
        return naming.kubernetes("router", self.workload, limit=52)

    @property
    def picker(self) -> str:
        """A StatefulSet's name leaves eleven characters for its revisions."""
        return naming.kubernetes("picker", self.workload, limit=52)

    @property
    def pickers(self) -> str:
        """The Service that gives each picker a name of its own."""
        return naming.kubernetes(self.picker, "each")

    @property
    def pool(self) -> str:
        """Of the InferencePool: the name of the servers it holds."""
        return naming.kubernetes("model", self.workload, limit=52)

    @property
    def url(self) -> str:
        return f"http://{self.proxy}.{NAMESPACE}.svc.cluster.local:{PORT}/v1"
