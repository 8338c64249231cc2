"""Monthly volumes of workloads, from the facts their components state."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from inferstack.cost.item import Assumptions, known
from inferstack.facts import WorkloadFacts
from inferstack.units import HOURS_PER_MONTH

BYTES_PER_GB = Decimal(1_000_000_000)
HOURS_PER_DAY = Decimal(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What a workload handles in a month."""

    requests: Decimal
    input_tokens: Decimal
    output_tokens: Decimal

    @property
    def tokens(self) -> Decimal:
        return self.input_tokens + self.output_tokens

    def ingress_gb(self, assumptions: Assumptions) -> Decimal:
        return self.input_tokens * assumptions.bytes_per_input_token / BYTES_PER_GB

    def egress_gb(self, assumptions: Assumptions) -> Decimal:
        return self.output_tokens * assumptions.bytes_per_output_token / BYTES_PER_GB

    def __add__(self, other: Volume) -> Volume:
        return Volume(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )


NOTHING = Volume(requests=Decimal(0), input_tokens=Decimal(0), output_tokens=Decimal(0))


def volume(facts: WorkloadFacts) -> Volume | None:
    """Monthly volume at the spec's traffic; None when the component does not state it."""
    per_day = known(lambda: facts.view.number("requestsPerDay"))
    inputs = known(lambda: facts.view.number("inputTokens"))
    outputs = known(lambda: facts.view.number("outputTokens"))
    if per_day is None or inputs is None or outputs is None:
        return None
    requests = per_day * HOURS_PER_MONTH / HOURS_PER_DAY
    return Volume(requests=requests, input_tokens=requests * inputs, output_tokens=requests * outputs)


def total(workloads: tuple[WorkloadFacts, ...]) -> Volume | None:
    """Volume of all workloads together; None when one does not state its own: a part would pass for all."""
    whole = NOTHING
    for facts in workloads:
        found = volume(facts)
        if found is None:
            return None
        whole += found
    return whole
