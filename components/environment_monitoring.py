"""What monitoring is asked for, from a resolved environment."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from components import trace_collector
from components.alert_routes import AlertRoutes
from components.facts import decimal
from components.monitoring import MonitoringArgs
from components.prometheus import NAMESPACE
from components.trace_collector import TraceSpec
from components.vllm_pod import Sampling

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from components.environment_plan import Resolved
    from components.settings import Settings


def alert_routes(resolved: Resolved) -> AlertRoutes:
    alerts = resolved.environment.monitoring.alerts
    return AlertRoutes(
        environment=resolved.name,
        place=resolved.place,
        existing_topic=alerts.topic_arn,
        emails=alerts.emails,
        webhook=alerts.webhook,
        runbooks=alerts.runbooks.rstrip("/") if alerts.runbooks else None,
    )


def sampled_share(resolved: Resolved) -> Decimal:
    monitoring = resolved.environment.monitoring
    if monitoring.stack == "none":
        return Decimal(0)
    return decimal(monitoring.sampling) or Decimal(0)


def trace_spec(resolved: Resolved) -> TraceSpec | None:
    """None: nothing is sampled."""
    if not sampled_share(resolved):
        return None
    traces = resolved.environment.monitoring.traces
    return TraceSpec(
        image=resolved.pins.image("otel-collector"),
        region=resolved.place.region,
        replicas=2 if resolved.production else 1,
        endpoint=traces.endpoint,
        prompts=traces.prompts,
    )


def sampling(resolved: Resolved) -> Sampling | None:
    """What model servers are told."""
    share = sampled_share(resolved)
    if not share:
        return None
    return Sampling(
        share=share,
        endpoint=trace_collector.ENDPOINT,
        namespace=NAMESPACE,
        port=trace_collector.GRPC_PORT,
    )


def monitoring_args(
    resolved: Resolved,
    settings: Settings,
    *,
    key_arn: pulumi.Input[str],
    depends_on: Sequence[pulumi.Resource],
) -> MonitoringArgs | None:
    """None: the environment wants none."""
    monitoring = resolved.environment.monitoring
    if monitoring.stack == "none":
        return None
    return MonitoringArgs(
        environment=resolved.name,
        place=resolved.place,
        stack=monitoring.stack,
        grafana=monitoring.grafana,
        retention_days=resolved.retention_days,
        workloads=resolved.watched,
        gateway=resolved.counting_gateway,
        routes=alert_routes(resolved),
        webhook_url=settings.alert_webhook,
        sampling=sampled_share(resolved),
        traces=trace_spec(resolved),
        key_arn=key_arn,
        pins=resolved.pins,
        depends_on=depends_on,
    )
