"""Volumes that claims in the cluster ask for: claims, stateful sets, and chart values."""

from __future__ import annotations

from decimal import Decimal

import pytest
from cost_graphs import ENVIRONMENT, amounts, bill, lines, resource

from inferstack.cost.items.persistent_volume import quantity_gib
from inferstack.resources import UNKNOWN, Resource


def claim(storage: object) -> Resource:
    spec = {"resources": {"requests": {"storage": storage}}}
    return resource("kubernetes:core/v1:PersistentVolumeClaim", "data", {"spec": spec}, parent=ENVIRONMENT)


def test_a_claim_is_a_gp3_volume() -> None:
    assert amounts(claim("50Gi")) == ["5.00"]


@pytest.mark.parametrize(
    ("text", "gib"),
    [("1Ti", "1024"), ("512Mi", "0.5"), ("1Gi", "1"), ("1073741824", "1"), ("2G", "1.862645149230957031250")],
)
def test_kubernetes_quantities_are_read(text: str, gib: str) -> None:
    assert quantity_gib(text) == Decimal(gib)


def test_a_quantity_that_is_none_is_a_gap() -> None:
    assert amounts(claim("a lot")) == [None]
    assert amounts(claim(UNKNOWN)) == [None]


def test_claims_inside_chart_values_are_found() -> None:
    spec = {"resources": {"requests": {"storage": "20Gi"}}}
    values = {
        "prometheus": {"volumeClaimTemplate": {"spec": spec}},
        "grafana": {"persistence": {"size": "10Gi"}},
    }
    chart = resource("kubernetes:helm.sh/v3:Release", "prometheus", {"values": values}, parent=ENVIRONMENT)
    assert [(line.label, str(line.monthly)) for line in lines(chart)] == [
        ("Volume of prometheus, gp3 20Gi", "2.00"),
        ("Volume of grafana.persistence, gp3 10Gi", "1.00"),
    ]


def test_a_chart_without_storage_is_free() -> None:
    chart = resource("kubernetes:helm.sh/v3:Release", "plugin", {"values": {"a": 1}}, parent=ENVIRONMENT)
    found = bill(chart)
    assert found.resources == ()
    assert found.free == 1
