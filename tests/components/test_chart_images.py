"""Images of third-party charts come from the mirror, where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from components.charts import with_images
from components.pins import load_chart_images, load_pins
from components.upstreams import prefixes
from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, preview
from tests.components.test_charts import UNREAD, unknown

RELEASE = "kubernetes:helm.sh/v3:Release"
WITHOUT = {"karpenter-crd", "aws-efa-k8s-device-plugin"}
"""Only definitions; ECR of the region."""
MIRROR = builders.MIRROR


def at(values: Mapping[str, Any], path: str) -> Any:
    found: Any = values
    for part in path.split("."):
        found = found[part]
    return found


def releases(*graphs: Graph) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for graph in graphs:
        for item in graph.of_type(RELEASE):
            yield str(item.inputs["chart"]).rpartition("/")[2], item.inputs["values"]  # type: ignore[misc]  # a mapping


@pytest.fixture(scope="module")
def mirrored() -> dict[str, Mapping[str, Any]]:
    prod = preview(build(builders.prod(registry=MIRROR)))
    groups = preview(build(builders.groups(registry=MIRROR, cluster={"gpuNodes": "karpenter"})))
    claims = preview(build(builders.dev(registry=MIRROR, cluster={"gpuDevices": "dra"})))
    return dict(releases(prod, groups, claims))


def test_every_pinned_chart_is_listed_or_needs_no_mirror() -> None:
    assert set(load_pins().table["charts"]) == {*load_chart_images(), *WITHOUT}


def test_all_images_of_all_charts_come_from_the_mirror(mirrored: dict[str, Mapping[str, Any]]) -> None:
    assert len(mirrored) >= 9
    for chart, values in mirrored.items():
        for path, image in load_chart_images().get(chart, {}).items():
            assert at(values, path) == f"{MIRROR}/{image}", (chart, path)


def test_the_charts_know_these_settings(mirrored: dict[str, Mapping[str, Any]]) -> None:
    for chart, values in mirrored.items():
        if chart not in UNREAD:
            assert list(unknown(chart, values)) == [], chart


def test_what_is_set_beside_an_image_stays(mirrored: dict[str, Mapping[str, Any]]) -> None:
    assert mirrored["cluster-autoscaler"]["image"]["tag"].startswith("v1.35")
    assert with_images({"a": {"tag": "v1"}}, [("a.repository", "m/x")]) == {
        "a": {"tag": "v1", "repository": "m/x"}
    }


def test_without_a_mirror_nothing_is_set(prod: Graph) -> None:
    for chart, values in releases(prod):
        for path in load_chart_images().get(chart, {}):
            with pytest.raises((KeyError, TypeError)):
                at(values, path)


def test_the_cache_of_ecr_is_not_asked_for_images_it_was_not_made_for() -> None:
    pins = load_pins().configured(mirror=MIRROR, digests={}, prefixes=prefixes("dev"))
    assert pins.chart("keda").images == ()
