"""Launch templates of managed nodes: what every node has, and what GPU nodes add."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from components.wire import WireResource, ec2
from inferstack.render import render_text

if TYPE_CHECKING:
    from components.base import Component
    from inferstack.catalog.types import InstanceType

TAGGED = ("instance", "volume", "network-interface")


@dataclass(frozen=True, kw_only=True)
class GpuTemplate:
    """What a GPU pool adds to the launch template."""

    instance_store: bool
    """Stripe the local NVMe disks and put images and pod storage there."""
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
    root_volume_gib: int,
    tags: Sequence[tuple[str, str]],
    gpu: GpuTemplate | None = None,
) -> WireResource:
    """IMDSv2 with one hop (pods cannot reach the node's credentials), encrypted gp3, tags on what it starts.

    No subnet, no image, no user data for the system pool: EKS fills these in.
    """
    disk = _root_volume(root_volume_gib, fast=gpu is not None and not gpu.instance_store)
    inputs = {
        "updateDefaultVersion": True,
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
        },
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": disk}],
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


def _root_volume(gib: int, *, fast: bool) -> dict[str, Any]:
    """gp3 as it comes, or faster where it holds the images: a serving image unpacks to about 30 GiB."""
    speed = {"iops": 4000, "throughput": 500} if fast else {}
    kind = {"volumeType": "gp3", "volumeSize": gib, **speed}
    return {**kind, "encrypted": "true", "deleteOnTermination": "true"}


def _gpu_settings(gpu: GpuTemplate) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if gpu.instance_store:
        settings["userData"] = user_data()
    if gpu.efa_interfaces:
        settings["networkInterfaces"] = efa_layout(gpu.efa_interfaces, gpu.security_group_ids)
    if gpu.placement_group is not None:
        settings["placement"] = {"groupName": gpu.placement_group}
    if gpu.reservation_id is not None:
        target = {"capacityReservationId": gpu.reservation_id}
        settings["capacityReservationSpecification"] = {"capacityReservationTarget": target}
    if gpu.capacity_block:
        settings["instanceMarketOptions"] = {"marketType": "capacity-block"}
        settings["instanceType"] = gpu.instance_type
    return settings


def user_data() -> str:
    """nodeadm settings EKS merges with its own: RAID0 over the instance store."""
    text = render_text("nodeadm/instance_store.mime.j2", {})
    return base64.b64encode(text.encode()).decode()


def efa_count(instance: InstanceType) -> int:
    """EFA interfaces to attach: one per network card that can carry one."""
    return min(instance.network_cards, instance.efa_max_interfaces)


def efa_layout(count: int, groups: Sequence[pulumi.Input[str]]) -> list[dict[str, Any]]:
    """Card 0 carries IP; ``efa-only`` interfaces take no address, so 32 cards do not drain the subnet."""
    first = {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"}
    rest = [
        {"networkCardIndex": card, "deviceIndex": 1, "interfaceType": "efa-only"} for card in range(count)
    ]
    common = {"securityGroups": list(groups), "deleteOnTermination": "true"}
    return [{**layout, **common} for layout in (first, *rest)]
