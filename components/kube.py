"""Kubernetes objects as manifests: builders return plain documents, one resource class registers them.

The token and inputs are those of the generated SDK (``kubernetes:apps/v1:Deployment`` with ``apiVersion``,
``kind``, ``metadata``, ``spec``), so state and previews look the same; importing the SDK's typed classes
would cost over a second and 70 MB in every ``synth``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

Document = Mapping[str, Any]
"""A manifest or a part of one, in wire names."""

LABEL_APP = "app.kubernetes.io/name"
LABEL_WORKLOAD = "inferstack.dev/workload"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
GPU_RESOURCE = "nvidia.com/gpu"
GPU_CLAIM = "gpus"
"""Name of a pod's device claim."""
EFA_RESOURCE = "vpc.amazonaws.com/efa"
GPU_NODES: Mapping[str, str] = {"nvidia.com/gpu.present": "true"}
"""Set by every pool here, whatever the image; AL2023 sets it at boot too."""
TIMEOUT_ANNOTATION = "pulumi.com/timeoutSeconds"
SKIP_AWAIT_ANNOTATION = "pulumi.com/skipAwait"


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Metadata of an object; the managed-by label is added to all."""

    name: str
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return compact(
            name=self.name,
            namespace=self.namespace,
            labels={**self.labels, LABEL_MANAGED_BY: "inferstack"},
            annotations=dict(self.annotations) or None,
        )


def compact(**values: Any) -> dict[str, Any]:
    """The values that are not None."""
    return {key: value for key, value in values.items() if value is not None}


def manifest(api_version: str, kind: str, metadata: Metadata, **body: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata.document(), **compact(**body)}


def token(api_version: str, kind: str) -> str:
    """The Pulumi type of a kind: core objects live in ``core/v1``."""
    group = api_version if "/" in api_version else f"core/{api_version}"
    return f"kubernetes:{group}:{kind}"


class KubernetesObject(pulumi.CustomResource):
    """One object of a manifest."""

    def __init__(self, name: str, document: Document, opts: pulumi.ResourceOptions) -> None:
        # a property without a value is an output: what the cluster reports
        inputs = {**document, "status": None}
        super().__init__(token(document["apiVersion"], document["kind"]), name, inputs, opts)

    @property
    @pulumi.getter
    def status(self) -> pulumi.Output[Any]:
        status: pulumi.Output[Any] = pulumi.get(self, "status")
        return status


def exists(key: str) -> Mapping[str, str]:
    """A toleration of any taint with ``key``."""
    return {"key": key, "operator": "Exists", "effect": "NoSchedule"}


GPU_TOLERATIONS: Sequence[Mapping[str, str]] = (exists(GPU_RESOURCE),)
