"""Cold start of a pod: node, image, weights, compilation. Facts and sources: ``data/load_time.json``."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Final

from inferstack.catalog.types import InstanceType
from inferstack.sizing.types import Fit, LoadTime
from inferstack.units import GIB

_FILE: Final = Path(__file__).parent / "data" / "load_time.json"
_BITS_PER_BYTE: Final = 8
_MB_PER_MIB: Final = 1.048576


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFacts:
    """What the file says, in s, GB and GB/s."""

    node_s: float
    bare_metal_s: float
    image_gb: float
    image_reference_s: float
    image_reference_disk_gb_per_s: float
    image_slow_gb_per_s: float
    parallel_pull_min_vcpus: int
    parallel_pull_min_ebs_gb_per_s: float
    network_share: float
    gpu_gb_per_s: float
    weights_fixed_s: float
    compile_s: float
    capture_min_s: float
    capture_s_per_gib: float


@functools.cache
def load_facts() -> LoadFacts:
    """The parsed file."""
    raw: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    image, weights, compilation = raw["image"], raw["weights"], raw["compile"]
    return LoadFacts(
        node_s=raw["node"]["virtual_s"],
        bare_metal_s=raw["node"]["bare_metal_s"],
        image_gb=image["compressed_gb"],
        image_reference_s=image["reference_s"],
        image_reference_disk_gb_per_s=image["reference_disk_gb_per_s"],
        image_slow_gb_per_s=image["slow_unpack_gb_per_s"],
        parallel_pull_min_vcpus=image["min_vcpus_for_parallel_pull"],
        parallel_pull_min_ebs_gb_per_s=image["min_ebs_mib_per_s"] * _MB_PER_MIB / 1000,
        network_share=weights["stream_network_share"],
        gpu_gb_per_s=weights["max_gb_per_s_per_gpu"],
        weights_fixed_s=weights["fixed_s"],
        compile_s=compilation["torch_compile_s"],
        capture_min_s=compilation["graph_capture_min_s"],
        capture_s_per_gib=compilation["graph_capture_s_per_gib_of_graphs"],
    )


def load_time(
    instance: InstanceType,
    fit: Fit,
    *,
    weights_gib: float,
    gpus_per_node: int,
    replicas_per_node: int,
    eager: bool,
    file_system_gb_per_s: float | None = None,
) -> LoadTime:
    """Seconds from "a node is asked for" to "the first request is served".

    ``weights_gib``: what one node reads for one replica. Replicas of a node load at the same time over the
    same network; ``file_system_gb_per_s`` bounds them too where weights are read from a file system. Baseline
    network rates: a burst credit may be spent. No compile cache is assumed.
    """
    facts = load_facts()
    return LoadTime(
        node_s=facts.bare_metal_s if instance.bare_metal else facts.node_s,
        image_s=_image_s(instance, facts),
        weights_s=_weights_s(
            instance,
            facts,
            weights_gib * replicas_per_node,
            min(facts.gpu_gb_per_s * gpus_per_node * replicas_per_node, file_system_gb_per_s or inf),
        ),
        compile_s=0.0 if eager else _compile_s(fit, facts),
    )


def _image_s(instance: InstanceType, facts: LoadFacts) -> float:
    """Pull and unpack: parallel where the node has CPU and disk for it, else one layer at a time."""
    network_s = facts.image_gb / (instance.network_gbps / _BITS_PER_BYTE)
    if pulls_in_parallel(instance):
        return round(max(facts.image_reference_s, network_s), 1)
    return round(max(facts.image_gb / facts.image_slow_gb_per_s, network_s), 1)


def pulls_in_parallel(instance: InstanceType) -> bool:
    """Whether SOCI's parallel pull is worth switching on: CPU to unpack with, and a disk that keeps up."""
    facts = load_facts()
    ebs_gb_per_s = instance.ebs_baseline_mbps / _BITS_PER_BYTE / 1000
    disk = instance.nvme_gb > 0 or ebs_gb_per_s >= facts.parallel_pull_min_ebs_gb_per_s
    return instance.vcpus >= facts.parallel_pull_min_vcpus and disk


def _weights_s(instance: InstanceType, facts: LoadFacts, gib: float, most_gb_per_s: float) -> float:
    """Bounded by the network, and by what GPUs take in and the store gives."""
    gigabytes = gib * GIB / 1e9
    network = instance.network_gbps / _BITS_PER_BYTE * facts.network_share
    return round(facts.weights_fixed_s + gigabytes / min(network, most_gb_per_s), 1)


def _compile_s(fit: Fit, facts: LoadFacts) -> float:
    capture = max(facts.capture_min_s, fit.cuda_graphs_gib_per_gpu * facts.capture_s_per_gib)
    return round(facts.compile_s + capture, 1)
