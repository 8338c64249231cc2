"""What must hold of every plan, whatever the workload."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from inferstack.catalog.load import load_catalog
from inferstack.errors import BlockedError
from inferstack.sizing.plan import plan_workload
from inferstack.sizing.redundancy import Survives, smallest_fleet
from inferstack.sizing.types import WorkloadPlan
from inferstack.spec.load import parse_workload

CATALOG = load_catalog()
MODELS = (
    "Qwen/Qwen3-8B",
    "Qwen/Qwen2.5-Coder-32B-Instruct",
    "meta-llama/Llama-3.3-70B-Instruct",
    "openai/gpt-oss-20b",
    "Qwen/Qwen3-30B-A3B",
    "google/gemma-3-12b-it",
)
TEMPLATE = """
apiVersion: inferstack/v1
kind: Workload
name: w
model: {{id: {model}, maxContext: 8192}}
traffic:
  peakRequestsPerSecond: {rate}
  inputTokens: {{mean: {input}, p95: {input_p95}}}
  outputTokens: {{mean: {output}, p95: {output_p95}}}
slo: {{ttftP95: {ttft}ms, itlP95: {itl}ms, availability: {availability}}}
capacity: {{purchase: [on-demand], denyInstanceTypes: [{deny}]}}
"""
COMMON = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@dataclass(frozen=True)
class Case:
    model: str
    region: str
    rate: float
    input: int
    output: int
    ttft: int
    itl: int
    availability: str
    deny: tuple[str, ...] = ()

    def plan(self) -> WorkloadPlan | None:
        """None: nothing meets the levels."""
        text = TEMPLATE.format(
            model=self.model,
            rate=self.rate,
            input=self.input,
            input_p95=self.input * 3,
            output=self.output,
            output_p95=self.output * 2,
            ttft=self.ttft,
            itl=self.itl,
            availability=self.availability,
            deny=", ".join(self.deny),
        )
        try:
            return plan_workload(parse_workload(text), None, CATALOG, region=self.region)
        except BlockedError:
            return None

    def cost(self) -> Decimal:
        """USD per month; infinite when nothing serves."""
        plan = self.plan()
        if plan is None:
            return Decimal("Infinity")
        assert plan.chosen.usd_per_month is not None
        return plan.chosen.usd_per_month

    def comparable(self) -> bool:
        """Whether the plan stays with the precisions that compete on cost (a wider scope may be cheaper)."""
        plan = self.plan()
        return plan is None or not any(note.startswith("widened") for note in plan.notes)


CASES = st.builds(
    Case,
    model=st.sampled_from(MODELS),
    region=st.sampled_from(["us-east-1", "us-west-2", "eu-central-1"]),
    rate=st.floats(0.05, 40).map(lambda rate: round(rate, 2)),
    input=st.integers(50, 2000),
    output=st.integers(10, 600),
    ttft=st.sampled_from([400, 800, 1500, 4000]),
    itl=st.sampled_from([30, 60, 100, 200]),
    availability=st.sampled_from(["95%", "99.5%", "99.9%"]),
)


@COMMON
@given(case=CASES, more=st.floats(1.05, 5))
def test_more_traffic_is_never_cheaper(case: Case, more: float) -> None:
    busier = replace(case, rate=round(case.rate * more, 2))
    assume(case.comparable() and busier.comparable())
    assert case.cost() <= busier.cost()


@COMMON
@given(case=CASES, factor=st.floats(0.3, 0.95))
def test_stricter_levels_are_never_cheaper(case: Case, factor: float) -> None:
    stricter = replace(case, ttft=int(case.ttft * factor), itl=int(case.itl * factor))
    assume(case.comparable() and stricter.comparable())
    assert case.cost() <= stricter.cost()


@COMMON
@given(case=CASES)
def test_higher_availability_is_never_cheaper(case: Case) -> None:
    levels = [replace(case, availability=level) for level in ("95%", "99.5%", "99.9%")]
    assume(all(level.comparable() for level in levels))
    costs = [level.cost() for level in levels]
    assert costs == sorted(costs)


@COMMON
@given(case=CASES)
def test_denying_the_chosen_type_is_never_cheaper(case: Case) -> None:
    plan = case.plan()
    assume(plan is not None and case.comparable())
    assert plan is not None
    denied = replace(case, deny=(plan.chosen.instance_type,))
    assume(denied.comparable())
    assert case.cost() <= denied.cost()
    again = denied.plan()
    assert again is None or again.chosen.instance_type != plan.chosen.instance_type


@COMMON
@given(case=CASES)
def test_a_plan_is_the_same_every_time_and_meets_what_was_asked(case: Case) -> None:
    plan = case.plan()
    assert plan == case.plan()
    assume(plan is not None)
    assert plan is not None
    chosen = plan.chosen
    assert chosen.at_peak.ttft_ms.p95 <= case.ttft
    assert chosen.at_peak.tpot_ms.p95 <= case.itl
    assert chosen.at_peak.utilization <= 0.85
    assert chosen.fit.fits
    assert chosen.replicas >= chosen.replicas_serving
    assert chosen.nodes * chosen.replicas_per_node >= chosen.replicas * chosen.nodes_per_replica
    if case.availability == "99.9%":
        assert chosen.survives_zone_loss


@COMMON
@given(
    serving=st.integers(1, 40),
    per_unit=st.sampled_from([1, 2, 4, 8]),
    zones=st.integers(1, 3),
    survives=st.sampled_from(["nothing", "node", "zone"]),
)
def test_fleets_grow_with_what_they_carry(
    serving: int, per_unit: int, zones: int, survives: Survives
) -> None:
    fleet = smallest_fleet(serving, per_unit, zones, survives, 1)
    if fleet is None:
        assert (survives, zones) == ("zone", 1)
        return
    more = smallest_fleet(serving + 1, per_unit, zones, survives, 1)
    assert more is not None
    assert more.units >= fleet.units
    assert serving <= fleet.replicas <= fleet.units * per_unit
    spread = -(-fleet.replicas // fleet.units)
    if survives != "nothing":
        assert fleet.replicas - spread >= serving
