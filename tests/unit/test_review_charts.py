"""The report names every chart, its version, and says that it is not rendered."""

from __future__ import annotations

import datetime as dt

from inferstack.catalog.load import load_catalog
from inferstack.cost.estimate import estimate
from inferstack.engine.graph import Graph
from inferstack.policy.types import PolicyReport
from inferstack.review.charts import charts
from inferstack.review.report import html, markdown
from inferstack.review.verdict import Assessment
from inferstack.sizing.types import EnvironmentPlan
from tests.example_graphs import graph

TODAY = dt.date(2026, 11, 24)
PLAN = EnvironmentPlan(environment="dev", region="us-west-2", zones=("usw2-az1",), workloads=())


def test_every_release_is_listed_with_its_version() -> None:
    found = {view.release: view for view in charts(graph("prod-eu"))}
    releases = graph("prod-eu").of_type("kubernetes:helm.sh/v3:Release")
    assert set(found) == {item.inputs["name"] for item in releases}
    assert (found["keda"].chart, found["keda"].version, found["keda"].namespace) == (
        "keda", "2.20.2", "keda"
    )  # fmt: skip
    assert all(view.settings for view in found.values())


def test_both_pages_say_what_is_not_in_them() -> None:
    assessment = Assessment(
        graph=graph("dev"),
        bill=estimate(graph("dev"), load_catalog(), today=TODAY),
        policy=PolicyReport(environment="dev", strict=True, findings=(), rules=()),
    )
    for page in (html(PLAN, assessment), markdown(PLAN, assessment)):
        assert "they are not rendered here" in page
        assert "90-helm-releases.yaml" in page
        assert "nvidia-device-plugin" in page


def test_an_environment_without_charts_has_no_such_part() -> None:
    assert tuple(charts(Graph((), "dev", "inferstack"))) == ()
