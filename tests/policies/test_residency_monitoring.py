"""INF-RES-010: metrics, logs and traces go to destinations whose place is known and allowed."""

from __future__ import annotations

from policy_graphs import CHART, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-RES-010"


def test_nothing_sent_outside_passes() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_service_in_the_cluster_passes() -> None:
    resources = changed(CHART, {"values.remoteWrite": [{"url": "http://mimir.monitoring.svc/api/v1/push"}]})
    assert outcome(resources, RULE) is Outcome.PASS


def test_managed_prometheus_is_judged_by_its_address() -> None:
    resources = changed(
        CHART, {"values.remoteWrite": [{"url": "https://aps-workspaces.us-east-1.amazonaws.com/x"}]}
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_a_hosted_backend_cannot_be_cleared() -> None:
    resources = changed(CHART, {"values.remoteWrite": [{"url": "https://metrics.vendor.example/push"}]})
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "metrics.vendor.example" in messages(resources, RULE)


def test_a_collector_configuration_in_text_is_read() -> None:
    resources = changed(
        CHART, {"values.config": "exporters:\n  otlp endpoint: https://ingest.vendor.example:4317"}
    )
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "ingest.vendor.example" in messages(resources, RULE)


def test_a_word_after_the_address_is_not_a_destination() -> None:
    resources = changed(CHART, {"repositoryOpts": {"repo": "https://vendor.example/dcgm-exporter/charts"}})
    assert outcome(resources, RULE) is Outcome.PASS
