"""What is asked of Prometheus about two versions of a workload: by the command, and by the alert.

Counters of the gateway are born with the first request of their kind, in pods that every step replaces:
``increase`` alone would miss what came before the first scrape, and of a failure that happens once, all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SERVING: Final = "llm-serving"
"""Namespace of the model servers."""
SENT: Final = "litellm_deployment_total_requests_total"
FAILED: Final = "litellm_deployment_failure_responses_total"
WEIGHT: Final = "inferstack_gateway_weight"
"""Told by the gateway's guard from the configuration that it runs with."""
TTFT: Final = "vllm:time_to_first_token_seconds"
ITL: Final = "vllm:inter_token_latency_seconds"
OWN_FAULT: Final = 'exception_status!~"4(0[0-79]|1.|2[0-8]|[3-9].)"'
"""Not what callers did wrong: 4xx, but for a timeout (408) and too many requests (429)."""
LATE: Final = 0.05
"""A 95th percentile lets five percent be slower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One version, over a window that ends now."""

    workload: str
    window_s: int

    @property
    def window(self) -> str:
        return f"{self.window_s}s"

    @property
    def backend(self) -> str:
        """Its attempts at the gateway, whatever name was asked for."""
        return f'model_id=~"[^/]+/{self.workload}"'

    @property
    def servers(self) -> str:
        return f'namespace="{SERVING}",workload="{self.workload}"'

    def sent(self) -> str:
        return self._grown(SENT, self.backend)

    def failed(self) -> str:
        """None is a count, too, as long as there were requests."""
        return f"({self._grown(FAILED, f'{self.backend},{OWN_FAULT}')} or vector(0))"

    def measured(self, histogram: str) -> str:
        return self._grown(f"{histogram}_count", self.servers)

    def within(self, histogram: str, bound_ms: float) -> str:
        """``le`` as Prometheus writes it: 1.0, 0.06."""
        return self._grown(f"{histogram}_bucket", f'{self.servers},le="{bound_ms / 1000!r}"')

    def p95_s(self, histogram: str) -> str:
        rates = f"rate({histogram}_bucket{{{self.servers}}}[{self.window}])"
        return f"histogram_quantile(0.95, sum by (le) ({rates}))"

    def up(self) -> str:
        return f"sum(up{{{self.servers}}})"

    def targets(self) -> str:
        return f"count(up{{{self.servers}}})"

    def _grown(self, name: str, where: str) -> str:
        series = f"{name}{{{where}}}"
        born = f"{series} unless {series} offset {self.window}"
        return f"sum(({born}) or increase({series}[{self.window}]))"


def percent_sent(new: str, old: str, which: str) -> str:
    """Percent of the old version's callers sent to the new one: ``min`` or ``max`` of the gateway's pods."""
    group = f'requested_model="{old}"'
    part = f'sum by (pod) ({WEIGHT}{{{group},model_id="{old}/{new}"}})'
    whole = f'sum by (pod) ({WEIGHT}{{{group},model_id=~"{old}/({old}|{new})"}})'
    return f"{which}((100 * {part} / {whole}) or (0 * {whole}))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A share of requests and how many they are, as expressions: what the alert compares with a limit."""

    share: str
    requests: str


def errors(asked: Asked) -> Broken:
    return Broken(share=f"({asked.failed()} / {asked.sent()})", requests=asked.sent())


def late(asked: Asked, histogram: str, bound_ms: float) -> Broken:
    """Tokens of one request wait together: however many they are, they count as one."""
    slow = f"(1 - {asked.within(histogram, bound_ms)} / {asked.measured(histogram)})"
    return Broken(share=slow, requests=asked.measured(TTFT))
