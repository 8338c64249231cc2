"""Where a workload's inference router sends requests: its proxy's configuration read back, and its pool."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from inferstack.plain_yaml import parse_yaml
from inferstack.view import Undecided, View

if TYPE_CHECKING:
    from inferstack.resources import Resource, ResourceIndex

ROUTER_TYPE: Final = "inferstack:index:InferenceRouter"
CONFIG_MAP: Final = "kubernetes:core/v1:ConfigMap"
POOL: Final = "kubernetes:inference.networking.k8s.io/v1:InferencePool"
FILE: Final = "envoy.yaml"
LOOPBACK: Final = "127.0.0.1"
CHOSEN: Final = "ORIGINAL_DST"
"""Cluster of the address that the picker names: a pod of the pool."""
_NAME: Final = re.compile(r"(?:[a-z0-9-]+\.)?([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.cluster\.local")


def destinations(resources: ResourceIndex, router: Resource) -> Iterator[tuple[str, str]]:
    """Name and namespace of every Service that the proxy can call; Undecided for anything else."""
    for cluster in configuration(resources, router).view("static_resources").views("clusters"):
        if cluster.text("type") == CHOSEN:
            continue
        found = [address for address in _addresses(cluster) if address != LOOPBACK]
        if not found and not list(_addresses(cluster)):
            raise Undecided(
                f"cluster {cluster.text('name')} of {router.name} has no address that can be read"
            )
        for address in found:
            match = _NAME.fullmatch(address)
            if match is None:
                raise Undecided(f"{router.name} leads to {address}, which is no Service of this stack")
            yield match[1], match[2]


def pool_labels(resources: ResourceIndex, router: Resource) -> dict[str, str]:
    """Of the pods among which the picker chooses."""
    pools = [pool for pool in resources.of_type(POOL) if router in resources.ancestors(pool)]
    if len(pools) != 1:
        raise Undecided(f"{router.name} has {len(pools)} pools, so where its picker sends is not known")
    selector = View(pools[0].inputs).view("spec").view("selector").view("matchLabels")
    return {name: selector.required_text(name) for name in selector.names()}


def configuration(resources: ResourceIndex, router: Resource) -> View:
    import yaml  # noqa: PLC0415 - only where there is a router

    for candidate in resources.of_type(CONFIG_MAP):
        data = View(candidate.inputs).view("data")
        if router in resources.ancestors(candidate) and data.has(FILE):
            try:
                return View(parse_yaml(data.required_text(FILE)), FILE)
            except yaml.YAMLError:
                raise Undecided(f"data.{FILE} is not YAML, so it cannot be judged") from None
    raise Undecided(f"the configuration of {router.name} is not in the stack")


def _addresses(cluster: View) -> Iterator[str]:
    for locality in cluster.view("load_assignment").views("endpoints"):
        for endpoint in locality.views("lb_endpoints"):
            address = endpoint.view("endpoint").view("address").view("socket_address")
            yield address.required_text("address")
