"""Launch templates of managed nodes: what every node has, and what GPU nodes add."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

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
) -> aws.ec2.LaunchTemplate:
    """IMDSv2 with one hop (pods cannot reach the node's credentials), encrypted gp3, tags on what it starts.

    No subnet, no image, no user data for the system pool: EKS fills these in.
    """
    return aws.ec2.LaunchTemplate(
        name,
        update_default_version=True,
        metadata_options={
            "http_endpoint": "enabled",
            "http_tokens": "required",
            "http_put_response_hop_limit": 1,
        },
        block_device_mappings=[{"device_name": "/dev/xvda", "ebs": _root_volume(root_volume_gib)}],
        monitoring={"enabled": False},
        tag_specifications=[{"resource_type": kind, "tags": {**dict(tags), "Name": name}} for kind in TAGGED],
        **(_gpu_settings(gpu) if gpu else {}),
        opts=parent.child(),
    )


def _root_volume(gib: int) -> dict[str, Any]:
    return {
        "volume_type": "gp3",
        "volume_size": gib,
        "iops": 4000,
        "throughput": 500,  # MiB/s: a serving image unpacks to about 30 GiB
        "encrypted": "true",
        "delete_on_termination": "true",
    }


def _gpu_settings(gpu: GpuTemplate) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if gpu.instance_store:
        settings["user_data"] = user_data()
    if gpu.efa_interfaces:
        settings["network_interfaces"] = efa_layout(gpu.efa_interfaces, gpu.security_group_ids)
    if gpu.placement_group is not None:
        settings["placement"] = {"group_name": gpu.placement_group}
    if gpu.reservation_id is not None:
        target = {"capacity_reservation_id": gpu.reservation_id}
        settings["capacity_reservation_specification"] = {"capacity_reservation_target": target}
    if gpu.capacity_block:
        settings["instance_market_options"] = {"market_type": "capacity-block"}
        settings["instance_type"] = gpu.instance_type
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
    first = {"network_card_index": 0, "device_index": 0, "interface_type": "interface"}
    rest = [
        {"network_card_index": card, "device_index": 1, "interface_type": "efa-only"} for card in range(count)
    ]
    common = {"security_groups": list(groups), "delete_on_termination": "true"}
    return [{**layout, **common} for layout in (first, *rest)]
