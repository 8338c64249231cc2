"""Launch templates of managed nodes: what every node has, and what GPU nodes add."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components.node_image import NodeBoot, Volume
from components.wire import WireResource, ec2

if TYPE_CHECKING:
    from components.base import Component
    from inferstack.catalog.types import InstanceType

TAGGED: Final = ("instance", "volume", "network-interface")
METADATA_OPTIONS: Final = {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}
"""IMDSv2 with one hop: pods cannot reach the node's credentials."""


@dataclass(frozen=True, kw_only=True)
class GpuTemplate:
    """What a GPU pool adds to the launch template."""

    boot: NodeBoot
    efa_interfaces: int
    security_group_ids: tuple[pulumi.Input[str], ...]
    """Named only with EFA; else EKS attaches the cluster's group itself."""
    placement_group: pulumi.Input[str] | None
    reservation_id: str | None
    capacity_block: bool
    instance_type: str
    """In the template only for capacity blocks; managed node groups state it elsewhere."""


def node_template(
    parent: Component,
    name: str,
    *,
    volumes: Sequence[Volume],
    tags: Sequence[tuple[str, str]],
    gpu: GpuTemplate | None = None,
) -> WireResource:
    """IMDSv2 with one hop, encrypted gp3, tags on what it starts.

    No subnet, no image, no user data for the system pool: EKS fills these in.
    """
    inputs = {
        "updateDefaultVersion": True,
        "metadataOptions": dict(METADATA_OPTIONS),
        "blockDeviceMappings": [{"deviceName": volume.device, "ebs": volume.ebs()} for volume in volumes],
        "monitoring": {"enabled": False},
        "tagSpecifications": [
            {"resourceType": kind, "tags": {**dict(tags), "Name": name}} for kind in TAGGED
        ],
        **(_gpu_settings(gpu) if gpu else {}),
    }
    return ec2("LaunchTemplate", name, inputs, parent.child(), outputs=("latestVersion",))


def template_reference(template: WireResource) -> dict[str, pulumi.Input[str]]:
    """How a node group names its template: a new version rolls the nodes."""
    return {"id": template.id, "version": template.output("latestVersion").apply(version_text)}


def version_text(version: float) -> str:
    """Numbers cross the engine as floats."""
    return str(int(version))


def _gpu_settings(gpu: GpuTemplate) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if (text := gpu.boot.text) is not None:
        settings["userData"] = base64.b64encode(text.encode()).decode()
    if gpu.efa_interfaces:
        common = {"securityGroups": list(gpu.security_group_ids), "deleteOnTermination": "true"}
        settings["networkInterfaces"] = [{**item, **common} for item in efa_layout(gpu.efa_interfaces)]
    if gpu.placement_group is not None:
        settings["placement"] = {"groupName": gpu.placement_group}
    if gpu.reservation_id is not None:
        target = {"capacityReservationId": gpu.reservation_id}
        settings["capacityReservationSpecification"] = {"capacityReservationTarget": target}
    if gpu.capacity_block:
        settings["instanceMarketOptions"] = {"marketType": "capacity-block"}
        settings["instanceType"] = gpu.instance_type
    return settings


def efa_count(instance: InstanceType) -> int:
    """EFA interfaces to attach: one per network card that can carry one."""
    return min(instance.network_cards, instance.efa_max_interfaces)


def efa_layout(count: int) -> list[dict[str, Any]]:
    """Card 0 carries IP; ``efa-only`` interfaces take no address, so 32 cards do not drain the subnet."""
    first = {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"}
    return [
        first,
        *({"networkCardIndex": card, "deviceIndex": 1, "interfaceType": "efa-only"} for card in range(count)),
    ]
