"""Sampled requests that AWS X-Ray records."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, bill, lines, resource, workload

from inferstack.resources import UNKNOWN, Resource

KIND = "inferstack:index:Monitoring"
XRAY = "https://xray.eu-central-1.amazonaws.com"


def monitoring(**inputs: object) -> Resource:
    return resource(
        KIND,
        "monitoring",
        {"region": "eu-central-1", "sampling": "0.01", "tracesTo": XRAY, **inputs},
        parent=ENVIRONMENT,
    )


def traffic(**facts: object) -> Resource:
    return workload(**{"requestsPerDay": "2400000", "inputTokens": "1", "outputTokens": "1", **facts})


def test_the_sampled_share_of_the_traffic() -> None:
    # 2.4 M a day is 100,000 an hour, 73 M a month; one percent is 0.73 M at $5.00
    found = lines(monitoring(), traffic())
    assert [str(line.monthly) for line in found if "xray" in line.label] == ["3.65"]


def test_a_store_elsewhere_is_a_gap() -> None:
    (line,) = [
        line
        for line in lines(monitoring(tracesTo="https://otlp.example.eu"), traffic())
        if "amples" in line.label or "ampled" in line.label
    ]
    assert line.monthly is None


def test_unknown_traffic_is_a_gap() -> None:
    (line,) = [line for line in lines(monitoring(), traffic(requestsPerDay=UNKNOWN)) if "xray" in line.label]
    assert line.monthly is None


def test_nothing_sampled_costs_nothing() -> None:
    found = bill(monitoring(tracesTo=None)).resources
    assert [item for item in found if item.resource.type == KIND] == []
