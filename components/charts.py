"""Helm releases: pinned chart, plain values, a bounded wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes.helm import v3 as helm

if TYPE_CHECKING:
    from components.base import Component
    from components.pins import Chart

SYSTEM_NAMESPACE = "kube-system"
DEFAULT_TIMEOUT_S = 600


def release(
    parent: Component,
    name: str,
    chart: Chart,
    *,
    release_name: str,
    namespace: str,
    values: Mapping[str, Any],
    depends_on: Sequence[pulumi.Resource] = (),
    timeout_s: int = DEFAULT_TIMEOUT_S,
) -> helm.Release:
    """A release with a fixed name (dashboards, service accounts and selectors refer to it).

    A failed first install is removed (``atomic``), so that the next attempt does not meet its ruins.
    """
    return helm.Release(
        name,
        name=release_name,
        chart=chart.reference,
        version=chart.version,
        repository_opts=None if chart.oci else {"repo": chart.repository},
        namespace=namespace,
        values=with_images(values, chart.images),
        atomic=True,
        timeout=timeout_s,
        skip_crds=chart.definitions_apart or None,
        opts=parent.child(depends_on=depends_on),
    )


def with_images(values: Mapping[str, Any], images: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Values with images set by their paths; what is given beside them stays."""
    found = dict(values)
    for path, image in images:
        head, _, rest = path.partition(".")
        found[head] = with_images(found.get(head, {}), [(rest, image)]) if rest else image
    return found
