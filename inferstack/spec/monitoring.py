"""What is measured, who is told, and which requests are sampled."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inferstack.spec.base import Section
from inferstack.spec.identifiers import Email, HttpsUrl, TopicArn
from inferstack.spec.quantities import Duration, Percentage, conflict


class Alerts(Section):
    """Who is told of alerts; nothing here: they are seen in Grafana and Alertmanager only."""

    topic_arn: TopicArn | None = None
    """An existing SNS topic of the environment's region; its policy must let CloudWatch publish, and with
    `stack: amp` Amazon Managed Prometheus."""
    emails: Annotated[tuple[Email, ...], Field(max_length=10)] = ()
    """A topic is created and these subscribe to it; each must confirm once."""
    webhook: bool = False
    """POST to the address in the secret `inferstack:alertWebhook` as well (chat, paging)."""
    runbooks: HttpsUrl | None = None
    """Where the pages of docs/runbooks are published; absent: alerts name the file."""

    @property
    def told(self) -> bool:
        return self.topic_arn is not None or bool(self.emails) or self.webhook

    @model_validator(mode="after")
    def _one_topic(self) -> Self:
        if self.topic_arn is not None and self.emails:
            message = "a topic that exists has its own subscribers"
            raise conflict(message, "emails", "topicArn", accepted="one of them")
        if len(set(self.emails)) < len(self.emails):
            raise conflict("an address stands twice", "emails", accepted="each once")
        return self


class Traces(Section):
    """Where sampled requests go."""

    exporter: Literal["xray", "otlp"] = "xray"
    """AWS X-Ray of the environment's region, or an OTLP endpoint."""
    endpoint: HttpsUrl | None = None
    """Of an OTLP receiver over HTTPS; required with `exporter: otlp`."""
    prompts: bool = False
    """Keep what users wrote and models answered, should a span carry it; else the collector drops it."""

    @model_validator(mode="after")
    def _endpoint_is_used(self) -> Self:
        if self.exporter == "otlp" and self.endpoint is None:
            message = "an OTLP exporter needs the address that it sends to"
            raise conflict(message, "exporter", "endpoint", accepted="endpoint: https://otlp.example.eu")
        if self.exporter != "otlp" and self.endpoint is not None:
            message = "has no effect without an OTLP exporter"
            raise conflict(message, "endpoint", "exporter", accepted="exporter: otlp, or leave it out")
        return self


class Monitoring(Section):
    """Metrics, dashboards, alerts, request samples."""

    stack: Literal["prometheus", "amp", "none"] = "prometheus"
    """In-cluster Prometheus, Amazon Managed Prometheus, or nothing."""
    grafana: Literal["cluster", "amg", "none"] = "cluster"
    """Grafana in the cluster, an Amazon Managed Grafana workspace (needs IAM Identity Center), or none."""
    retention: Duration = Field(default=dt.timedelta(days=15), json_schema_extra={"default": "15d"})
    """How long metrics are kept."""
    sampling: Percentage = Field(default=0.01, json_schema_extra={"default": "1%"})
    """Share of requests that are traced; 0%: none."""
    traces: Traces = Traces()
    """Where sampled requests go."""
    alerts: Alerts = Alerts()
    """Who is told of alerts."""

    @model_validator(mode="after")
    def _fits_the_stack(self) -> Self:
        if self.grafana == "amg" and self.stack != "amp":
            message = "a managed Grafana reads a managed Prometheus, not one inside the cluster"
            raise conflict(message, "grafana", "stack", accepted="stack: amp, or grafana: cluster")
        if self.stack == "amp" and self.alerts.webhook:
            message = "the alert manager of Amazon Managed Prometheus delivers to SNS only"
            raise conflict(message, "alerts.webhook", "stack", accepted="alerts.emails or alerts.topicArn")
        if self.stack == "none" and self.alerts.told:
            message = "without metrics there are no alerts"
            raise conflict(message, "alerts", "stack", accepted="stack: prometheus")
        return self
