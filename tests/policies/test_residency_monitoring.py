"""INF-RES-010: metrics, logs and traces go to destinations whose place is known and allowed."""

from __future__ import annotations

import yaml
from policy_graphs import CHART, ENVIRONMENT, changed, compliant, messages, outcome, resource

from components.trace_collector import CONFIG
from inferstack.policy.types import Outcome
from inferstack.resources import Resource

RULE = "INF-RES-010"
ADDRESSES = "INF-RES-009"
"""Addresses of AWS services anywhere in the configuration."""


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


def collecting(exporter: str, endpoint: str) -> dict[str, Resource]:
    """A trace collector whose configuration sends to ``endpoint``."""
    text = yaml.safe_dump({"exporters": {exporter: {"endpoint": endpoint}}})
    found = resource("kubernetes:core/v1:ConfigMap", "traces", {"data": {CONFIG: text}}, parent=ENVIRONMENT)
    return {**compliant(), found.urn: found}


def test_traces_in_x_ray_of_the_region_pass() -> None:
    resources = collecting("awsxray", "https://xray.eu-central-1.amazonaws.com")
    assert outcome(resources, RULE) is Outcome.PASS
    assert outcome(resources, ADDRESSES) is Outcome.PASS


def test_traces_in_x_ray_outside_the_residency_fail() -> None:
    resources = collecting("awsxray", "https://xray.us-east-1.amazonaws.com")
    assert outcome(resources, ADDRESSES) is Outcome.FAIL
    assert "us-east-1 is outside EU" in messages(resources, ADDRESSES)


def test_traces_at_a_vendor_cannot_be_cleared() -> None:
    resources = collecting("otlphttp", "https://otlp.vendor.example")
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "otlp.vendor.example" in messages(resources, RULE)
