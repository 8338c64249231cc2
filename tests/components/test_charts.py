"""Third-party charts: pinned, with values that the charts know, and nothing of ours hidden inside one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import autoscaling
from components.addons import ADDONS
from components.pins import load_pins
from inferstack.engine.graph import Graph
from inferstack.engine.manifests import manifests
from tests.components import builders
from tests.components.running import build, preview

RELEASE = "kubernetes:helm.sh/v3:Release"
KNOWN: Mapping[str, Any] = yaml.safe_load(
    Path(__file__).with_name("chart_values.yaml").read_text(encoding="utf-8")
)
UNREAD = {"cluster-autoscaler", "dra-driver-nvidia-gpu", "karpenter", "karpenter-crd"}
"""Charts whose values were not to be had when the file was written."""
PATCH = {"dcgm-exporter"}
"""Read one patch release before the pinned one."""
OF_CHARTS = {"extraObjects", "extraManifests", "extraDeploy", "additionalPrometheusRulesMap"}
"""Where a chart would deploy what it is handed."""


def unknown(chart: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Settings that the chart does not have."""
    keys = KNOWN[chart]["keys"]
    for key, value in values.items():
        if key not in keys:
            yield key
        elif isinstance(value, Mapping) and keys[key] != ["*"]:
            yield from (f"{key}.{inner}" for inner in value if inner not in keys[key])


@pytest.fixture(scope="module")
def releases(prod: Graph, groups: Graph, dev: Graph) -> dict[str, Mapping[str, Any]]:
    graphs = [prod, groups, dev, preview(build(builders.prod(monitoring={"stack": "amp"})))]
    found = {}
    for graph in graphs:
        for item in graph.of_type(RELEASE):
            found[str(item.inputs["chart"]).rpartition("/")[2]] = item.inputs
    return found


def test_every_setting_is_one_the_chart_has(releases: dict[str, Mapping[str, Any]]) -> None:
    assert len(releases) >= 7
    for chart, release in releases.items():
        if chart not in UNREAD:
            assert list(unknown(chart, release["values"])) == [], chart
    assert list(unknown("prometheus-adapter", autoscaling.adapter_values())) == []


def test_a_setting_that_it_has_not_is_found() -> None:
    assert list(unknown("keda", {"operatr": {}, "operator": {"replicas": 2, "name": "x"}})) == [
        "operatr", "operator.replicas"
    ]  # fmt: skip


def test_the_settings_were_read_at_the_pinned_version() -> None:
    pins = load_pins()
    for chart, entry in KNOWN.items():
        pinned, read = pins.chart(chart).version, str(entry["version"])
        assert read == pinned or (chart in PATCH and read.rpartition(".")[0] == pinned.rpartition(".")[0])


def test_every_pinned_chart_is_read_or_said_not_to_be() -> None:
    assert set(load_pins().table["charts"]) == set(KNOWN) | UNREAD


def test_nothing_that_eks_has_as_an_addon_comes_as_a_chart(releases: dict[str, Mapping[str, Any]]) -> None:
    assert not {addon.name for addon in ADDONS} & set(releases)


def test_no_chart_is_handed_objects_of_ours(releases: dict[str, Mapping[str, Any]]) -> None:
    """They would appear in no preview and under no rule."""
    for chart, release in releases.items():
        assert not OF_CHARTS & set(release["values"]), chart


def test_the_folder_of_manifests_says_what_is_not_in_it(prod: Graph) -> None:
    (file,) = [one for one in manifests(prod) if one.file == "90-helm-releases.yaml"]
    assert "The charts themselves are not rendered here" in file.text
    shown = list(yaml.safe_load_all(file.text))
    assert {(item["release"], item["version"]) for item in shown} == {
        (item.inputs["name"], item.inputs["version"]) for item in prod.of_type(RELEASE)
    }
    (keda,) = [item for item in shown if item["release"] == "keda"]
    assert keda["values"] == autoscaling.keda_values("inferstack-prod-eu")
