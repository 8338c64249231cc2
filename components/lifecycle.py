"""Times of a serving pod, from the plan's own load time: nothing waits less than starting takes.

Startup counts from the container's start (nodes and images are there by then), the deployment's deadline from
the pod's creation. Draining must end before spot capacity is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from inferstack.sizing.types import WorkloadPlan

STARTUP_FLOOR_S: Final = 600
"""vLLM's own default; never less."""
STARTUP_FACTOR: Final = 1.5
STARTUP_SLACK_S: Final = 120
PROGRESS_SLACK_S: Final = 300
AWAIT_LIMIT_S: Final = 6 * 3600
PRE_STOP_S: Final = 10
"""Endpoints leave every node's service tables within this."""
SHUTDOWN_FLOOR_S: Final = 60
SHUTDOWN_LIMIT_S: Final = 600
GRACE_MARGIN_S: Final = 15
SPOT_NOTICE_S: Final = 120
PROBE_PERIOD_S: Final = 10


@dataclass(frozen=True, kw_only=True)
class Lifecycle:
    """All in seconds."""

    startup_s: int
    progress_s: int
    await_s: int
    """How long a deployment of all replicas may take."""
    pre_stop_s: int
    shutdown_s: int
    """In-flight requests may finish within this after SIGTERM."""
    grace_s: int


def lifecycle(plan: WorkloadPlan) -> Lifecycle:
    load, chosen = plan.load_time, plan.chosen
    startup = max(STARTUP_FLOOR_S, _up(STARTUP_FACTOR * (load.weights_s + load.compile_s)) + STARTUP_SLACK_S)
    progress = startup + _up(STARTUP_FACTOR * (load.node_s + load.image_s)) + PROGRESS_SLACK_S
    waves = ceil(chosen.replicas / max(1, chosen.surge_replicas))
    shutdown = _shutdown(plan)
    return Lifecycle(
        startup_s=startup,
        progress_s=progress,
        await_s=min(AWAIT_LIMIT_S, progress * max(1, waves)),
        pre_stop_s=PRE_STOP_S,
        shutdown_s=shutdown,
        grace_s=PRE_STOP_S + shutdown + GRACE_MARGIN_S,
    )


def _shutdown(plan: WorkloadPlan) -> int:
    """Twice the slowest percent of requests; what is left of the notice on spot."""
    longest = 2 * plan.chosen.at_peak.e2e_ms.p99 / 1000
    wanted = min(SHUTDOWN_LIMIT_S, max(SHUTDOWN_FLOOR_S, _up(longest)))
    if plan.chosen.purchase != "spot":
        return wanted
    return min(wanted, SPOT_NOTICE_S - PRE_STOP_S - GRACE_MARGIN_S - 5)


def _up(seconds: float) -> int:
    """Whole tens: a plan that moves a little should not restart every pod."""
    return ceil(seconds / 10) * 10


def probes(times: Lifecycle, port: str = "http") -> dict[str, Any]:
    """Startup, readiness, liveness. ``/health`` opens when the model is loaded; it says nothing of load."""
    check = {"httpGet": {"path": "/health", "port": port}}
    return {
        "startupProbe": {
            **check,
            "periodSeconds": PROBE_PERIOD_S,
            "timeoutSeconds": 5,
            "failureThreshold": ceil(times.startup_s / PROBE_PERIOD_S),
        },
        "readinessProbe": {**check, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 3},
        # long: a busy engine answers late, and a restart costs the whole load time
        "livenessProbe": {**check, "periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 12},
    }
