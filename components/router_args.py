"""Arguments of a workload's inference router, from a resolved environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.gateway_times import gateway_times
from components.inference_router import InferenceRouterArgs
from components.prometheus import NAMESPACE as MONITORING_NAMESPACE
from components.router_spec import RouterSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from components.environment_plan import Resolved
    from components.served import ServedWorkload
    from components.vllm_service import VllmService


def router_args(
    resolved: Resolved,
    served: ServedWorkload,
    server: VllmService,
    depends_on: Sequence[pulumi.Resource],
) -> InferenceRouterArgs:
    gateway = resolved.environment.gateway
    if gateway is None:
        raise ValueError("a router stands behind a gateway")
    backends = [one.backend("") for one in resolved.served]
    watched = resolved.environment.monitoring.stack != "none"
    spec = RouterSpec(
        workload=served.name,
        pool_labels=server.args.server.entry_labels,
        service=server.args.server.entry_name,
        adapters=bool(served.adapters),
        times=gateway_times(backends, timeout_s=max(1, round(gateway.timeout.total_seconds()))),
        proxy_image=resolved.pins.image("envoy"),
        picker_image=resolved.pins.image("endpoint-picker"),
        replicas=2 if resolved.production else 1,
        monitoring=MONITORING_NAMESPACE if watched else None,
    )
    return InferenceRouterArgs(
        environment=resolved.name,
        region=resolved.place.region,
        spec=spec,
        depends_on=[server.server, *depends_on],
    )
