"""Plans of real workloads: what is chosen, what is said about it, what is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.errors import BlockedError, InputError
from inferstack.sizing.compare import compare_quantization, comparison_text
from inferstack.sizing.plan import plan_environment, plan_workload
from inferstack.sizing.plan_text import environment_text, workload_text
from inferstack.sizing.types import EnvironmentPlan, WorkloadPlan
from inferstack.spec.load import LoadedEnvironment, parse_environment, parse_workload
from inferstack.spec.workload import Workload

CATALOG = load_catalog()
SPEC = """
apiVersion: inferstack/v1
kind: Workload
name: {name}
model: {model}
traffic: {{peakRequestsPerSecond: {rate}, inputTokens: {{mean: 800, p95: 2000}}, outputTokens: {{mean: 200, p95: 500}}}}
slo: {{ttftP95: {ttft}, itlP95: {itl}, availability: {availability}}}
data: {{residency: {residency}}}
{more}
"""
ENVIRONMENT = """
apiVersion: inferstack/v1
kind: Environment
name: test
cloud: {{provider: aws, account: "123456789012", region: {region}, zones: {zones}}}
network: {{cidr: 10.0.0.0/16, nat: single, private: true}}
cluster: {{version: "1.35", endpoint: private, gpuNodes: managed}}
"""


def workload(model: str = "Qwen/Qwen3-8B", more: str = "", **values: object) -> Workload:
    defaults: dict[str, object] = {
        "name": "w", "rate": 1, "ttft": "3s", "itl": "100ms", "availability": "99.5%", "residency": "[US]",
    }  # fmt: skip
    return parse_workload(SPEC.format(model=model, more=more, **{**defaults, **values}))


def planned(model: str = "Qwen/Qwen3-8B", more: str = "", **values: object) -> WorkloadPlan:
    return plan_workload(workload(model, more, **values), None, CATALOG)


def test_the_chosen_candidate_meets_every_level() -> None:
    plan = planned("meta-llama/Llama-3.3-70B-Instruct", rate=3, ttft="1s", itl="80ms", availability="99.9%")
    seen = plan.chosen.at_peak
    assert seen.ttft_ms.p95 <= 1000
    assert seen.tpot_ms.p95 <= 80
    assert seen.utilization <= 0.85
    assert plan.chosen.survives_zone_loss


def test_money_is_nodes_times_price_times_the_month() -> None:
    chosen = planned().chosen
    price = CATALOG.price(chosen.instance_type, chosen.region)
    assert price is not None
    assert price.on_demand is not None
    assert chosen.usd_per_hour == price.on_demand * chosen.nodes
    assert chosen.usd_per_month == price.on_demand * chosen.nodes * Decimal(730)


def test_tokens_cost_less_when_the_fleet_is_full() -> None:
    chosen = planned().chosen
    assert chosen.usd_per_million_tokens is not None
    assert chosen.usd_per_million_tokens_full is not None
    assert chosen.usd_per_million_tokens_full < chosen.usd_per_million_tokens


def test_availability_buys_redundancy() -> None:
    low, node, zone = (planned(availability=level).chosen for level in ("95%", "99.5%", "99.9%"))
    assert (low.replicas, node.replicas) == (1, 2)
    assert node.survives_node_loss
    assert zone.survives_zone_loss
    assert low.surge_replicas == 1
    assert node.surge_replicas == 0


def test_every_region_of_the_residency_competes() -> None:
    everywhere = planned(residency="[US]").chosen
    one = plan_workload(workload(), None, CATALOG, region="us-east-1").chosen
    assert everywhere.usd_per_hour is not None
    assert one.usd_per_hour is not None
    assert everywhere.usd_per_hour <= one.usd_per_hour
    assert one.region == "us-east-1"


def test_a_region_outside_the_residency_is_refused() -> None:
    with pytest.raises(InputError, match="outside the residency"):
        plan_workload(workload(residency="[DE]"), None, CATALOG, region="us-east-1")


def test_four_bits_are_held_back_until_asked_for() -> None:
    assert planned().chosen.quantization in {"bf16", "fp8"}
    assert any(rejection.code == "quality" for rejection in planned().rejections)
    asked = planned("{id: Qwen/Qwen3-8B, quantization: awq}")
    assert (asked.chosen.quantization, asked.chosen.checkpoint) == ("awq", "Qwen/Qwen3-8B-AWQ")
    assert any("evaluate before rollout" in note for note in asked.notes)


def test_four_bits_are_taken_when_nothing_else_fits() -> None:
    plan = planned(
        "Qwen/Qwen2.5-14B-Instruct", "capacity: {allowInstanceTypes: [g4dn.xlarge]}", itl="300ms", ttft="9s"
    )
    assert plan.chosen.quantization in {"awq", "gptq"}
    assert any(note.startswith("widened to 4-bit") for note in plan.notes)


def test_a_budget_can_force_four_bits() -> None:
    free = planned("Qwen/Qwen2.5-32B-Instruct", itl="300ms")
    assert free.chosen.usd_per_month is not None
    limit = int(free.chosen.usd_per_month) - 100
    tight = planned("Qwen/Qwen2.5-32B-Instruct", f"budget: {{monthlyUsd: {limit}}}", itl="300ms")
    assert tight.chosen.quantization in {"awq", "gptq"}
    assert tight.chosen.usd_per_month is not None
    assert tight.chosen.usd_per_month <= limit


def test_a_budget_nobody_can_meet_is_a_warning() -> None:
    plan = planned(more="budget: {monthlyUsd: 10}")
    assert any("over the workload's budget" in warning for warning in plan.warnings)


def test_a_bf16_model_is_not_cast_to_fp16_by_itself() -> None:
    assert planned(itl="300ms", ttft="10s").chosen.gpu != "T4"
    only_t4 = planned(more="capacity: {allowInstanceTypes: [g4dn.12xlarge]}", itl="300ms", ttft="10s")
    assert only_t4.chosen.gpu == "T4"
    assert any("fp16 activations" in note for note in only_t4.notes)


def test_several_nodes_are_taken_only_where_no_node_serves() -> None:
    roomy = planned("deepseek-ai/DeepSeek-V3-0324")
    assert roomy.chosen.nodes_per_replica == 1
    narrow = planned("deepseek-ai/DeepSeek-V3-0324", "capacity: {allowInstanceTypes: [p5.48xlarge]}")
    assert narrow.chosen.nodes_per_replica == 2
    assert any("libfabric" in warning for warning in narrow.warnings)


def test_nothing_serves_names_the_closest_and_a_way_out() -> None:
    with pytest.raises(BlockedError) as caught:
        planned("meta-llama/Llama-3.1-405B-Instruct", itl="2ms")
    text = str(caught.value)
    assert "closest: " in text
    assert "ITL p95" in text
    assert "what could change: " in text


def test_the_way_out_fits_what_was_in_the_way() -> None:
    allowed = "capacity: {{allowInstanceTypes: [{}]}}"
    with pytest.raises(BlockedError, match="a smaller model, or GPUs with more memory") as weights:
        planned("meta-llama/Llama-3.3-70B-Instruct", more=allowed.format("g4dn.xlarge"))
    assert "maxContext" not in str(weights.value)
    with pytest.raises(BlockedError, match=r"a smaller model\.maxContext"):
        planned("{id: Qwen/Qwen3-8B, maxContext: 131072}", more=allowed.format("g6.xlarge"))


def test_more_nodes_than_a_node_group_usually_holds_are_a_warning() -> None:
    assert any("nodes in one node group" in text for text in planned(rate=20000).warnings)
    assert not any("node group" in text for text in planned().warnings)


def test_more_node_groups_than_a_cluster_usually_holds_are_a_warning() -> None:
    one = planned()

    def text(workloads: int) -> str:
        plan = EnvironmentPlan(environment="e", region="us-east-1", zones=(), workloads=(one,) * workloads)
        return environment_text(plan, top=0)

    assert "node groups" not in text(29)
    assert text(30).endswith(
        'warning: 31 node groups: the EKS quota "Managed node groups per cluster" is 30 by default,'
        " have it raised first"
    )


def test_nothing_sold_says_so() -> None:
    with pytest.raises(BlockedError, match="not-sold"):
        planned(more="capacity: {allowInstanceTypes: [p6-b300.48xlarge]}", residency="[DE]")


def test_too_long_a_context_is_an_input_error() -> None:
    with pytest.raises(InputError, match="takes at most"):
        planned("{id: microsoft/phi-4, maxContext: 100000}")


def test_spot_is_flagged_where_availability_matters() -> None:
    calm = planned(more="capacity: {purchase: [spot]}", availability="95%")
    strict = planned(more="capacity: {purchase: [spot]}", availability="99.9%")
    assert any("two minutes" in warning for warning in calm.warnings)
    assert any("AWS advises against" in warning for warning in strict.warnings)
    assert not any("AWS advises against" in warning for warning in calm.warnings)


def test_committed_purchase_has_no_price_and_says_so() -> None:
    plan = planned(more="capacity: {purchase: [on-demand, savings-plan-1y]}")
    assert plan.chosen.purchase == "on-demand"
    assert any("no price for savings-plan-1y" in note for note in plan.notes)
    alone = planned(more="capacity: {purchase: [savings-plan-1y]}")
    assert alone.chosen.usd_per_month is None


def test_licence_duties_are_shown() -> None:
    note = next(
        n
        for n in planned("meta-llama/Llama-3.1-8B-Instruct", "usage: {monthlyActiveUsers: 250000}").notes
        if "Llama" in n
    )
    assert 'show "Built with Llama"' in note
    assert "permission needed above 700 M users a month (you: 250 k)" in note


@pytest.mark.parametrize(
    ("contained", "cleared", "note"),
    [
        ("restricted", "restricted", "is never used: requests are restricted, which never leaves"),
        ("confidential", "internal", "is never used: requests are confidential, it takes internal at most"),
        ("internal", "internal", None),
    ],
)
def test_a_fallback_that_may_not_take_the_data_is_named(
    contained: str, cleared: str, note: str | None
) -> None:
    spec = SPEC.replace("residency: {residency}", f"classification: {contained}, residency: {{residency}}")
    more = f"fallback: [{{provider: bedrock, model: m, maxClassification: {cleared}}}]"
    values = {
        "name": "w",
        "rate": 1,
        "ttft": "3s",
        "itl": "100ms",
        "availability": "99%",
        "residency": "[US]",
    }
    one = parse_workload(spec.format(model="Qwen/Qwen3-8B", more=more, **values))
    said = [text for text in plan_workload(one, None, CATALOG).notes if "fallback" in text]
    assert said == ([] if note is None else [f"fallback bedrock m {note}"])


def test_the_quota_note_counts_surge() -> None:
    plan = planned(availability="95%")
    note = next(n for n in plan.notes if n.startswith("quota"))
    vcpus = CATALOG.instance(plan.chosen.instance_type).vcpus
    assert f"needs {2 * vcpus} vCPU in {plan.chosen.region}, of it {vcpus} during a rollout" in note


def test_a_second_instance_type_is_named_for_when_capacity_runs_out() -> None:
    plan = planned()
    assert any(note.startswith("no capacity? next for the same engine:") for note in plan.notes)
    second = plan.second_choice
    assert second is not None
    assert second.instance_type != plan.chosen.instance_type
    assert (second.region, second.tp, second.quantization) == (
        plan.chosen.region,
        plan.chosen.tp,
        plan.chosen.quantization,
    )
    assert second.usd_per_month >= plan.chosen.usd_per_month


def test_alternatives_are_not_dominated() -> None:
    plan = planned("meta-llama/Llama-3.3-70B-Instruct", rate=3)

    def merits(candidate):  # type: ignore[no-untyped-def] # local
        return (
            candidate.usd_per_month,
            round(candidate.at_peak.ttft_ms.p95),
            round(candidate.at_peak.tpot_ms.p95),
            candidate.at_peak.utilization * candidate.replicas_serving / candidate.replicas,
        )

    for other in plan.alternatives:
        assert (
            any(a < b for a, b in zip(merits(other), merits(plan.chosen), strict=True))
            or other.quantization == "bf16"
        )
    costs = [other.usd_per_month for other in plan.alternatives]
    assert costs == sorted(costs, key=lambda cost: cost or Decimal(0))


def test_latency_and_headroom_objectives_spend_within_reach() -> None:
    spec = workload("meta-llama/Llama-3.3-70B-Instruct", rate=3)
    cheap, fast, roomy = (
        plan_workload(spec, None, CATALOG, objective=objective).chosen
        for objective in ("cost", "latency", "headroom")
    )
    assert fast.at_peak.ttft_ms.p95 <= cheap.at_peak.ttft_ms.p95
    use = lambda c: c.at_peak.utilization * c.replicas_serving / c.replicas  # noqa: E731
    assert use(roomy) <= use(cheap)
    assert cheap.usd_per_month is not None
    for spent in (fast.usd_per_month, roomy.usd_per_month):
        assert spent is not None
        assert cheap.usd_per_month <= spent <= cheap.usd_per_month * 2


def test_an_alternative_that_costs_less_says_so() -> None:
    spec = workload("meta-llama/Llama-3.3-70B-Instruct", rate=3)
    plan = plan_workload(spec, None, CATALOG, objective="latency")
    chosen = plan.chosen.usd_per_month
    assert chosen is not None
    cheaper = [c for c in plan.alternatives if c.usd_per_month and c.usd_per_month < chosen * Decimal("0.95")]
    assert cheaper
    text = workload_text(plan, top=50)
    assert text.count("% cheaper") == len(cheaper)


def test_replica_bounds_follow_the_spec() -> None:
    plan = planned(more="capacity: {replicas: {min: 0, max: 9}}")
    assert (plan.min_replicas, plan.max_replicas) == (0, 9)
    free = planned()
    assert (free.min_replicas, free.max_replicas) == (2, free.chosen.replicas + 1)


def test_too_few_replicas_are_a_missed_level() -> None:
    with pytest.raises(BlockedError, match="replicas"):
        planned(rate=500, more="capacity: {replicas: {max: 2}, allowInstanceTypes: [g6.xlarge]}")


def test_the_environment_fixes_region_and_zones() -> None:
    environment = parse_environment(ENVIRONMENT.format(region="us-east-1", zones=2))
    loaded = LoadedEnvironment(environment, directory=None, workloads=(workload(), workload(name="v")))  # type: ignore[arg-type] # unused
    plan = plan_environment(loaded, CATALOG)
    assert plan.region == "us-east-1"
    assert len(plan.zones) == 2
    for one in plan.workloads:
        assert one.chosen.region == "us-east-1"
        assert set(one.chosen.zones) <= set(plan.zones)


def test_stated_zones_are_kept() -> None:
    environment = parse_environment(ENVIRONMENT.format(region="us-west-2", zones="[usw2-az1, usw2-az3]"))
    loaded = LoadedEnvironment(environment, directory=None, workloads=(workload(),))  # type: ignore[arg-type] # unused
    assert plan_environment(loaded, CATALOG).zones == ("usw2-az1", "usw2-az3")


def test_all_workloads_that_cannot_be_served_are_named() -> None:
    environment = parse_environment(ENVIRONMENT.format(region="eu-central-1", zones=3))
    bad = [workload(itl="1ms", residency="[EU]", name=name) for name in ("first", "second")]
    loaded = LoadedEnvironment(environment, directory=None, workloads=tuple(bad))  # type: ignore[arg-type] # unused
    with pytest.raises(BlockedError, match=r"(?s)first: nothing.*second: nothing"):
        plan_environment(loaded, CATALOG)


def test_quantizations_side_by_side() -> None:
    rows = compare_quantization(workload("meta-llama/Llama-3.3-70B-Instruct", rate=3), None, CATALOG)
    assert [row.weights.quantization for row in rows] == ["bf16", "fp8", "nvfp4"]
    assert all(row.best is not None and row.best.quantization == row.weights.quantization for row in rows)
    assert "nvidia/Llama-3.3-70B-Instruct-FP8" in comparison_text(rows)


def test_plans_are_deterministic() -> None:
    spec = workload("Qwen/Qwen3-32B", rate=2)
    assert plan_workload(spec, None, CATALOG) == plan_workload(spec, None, CATALOG)


def test_a_capacity_block_holds_in_one_zone_and_has_no_price() -> None:
    more = (
        "capacity: {purchase: [capacity-block], reservationId: cr-0123456789abcdef0,"
        " acknowledgeUpfrontCharge: true, allowInstanceTypes: [p5.4xlarge]}"
    )
    plan = planned(more=more)
    assert (plan.chosen.usd_per_month, plan.chosen.survives_zone_loss) == (None, False)
    assert any("holds in one zone" in warning for warning in plan.warnings)
    with pytest.raises(BlockedError, match="one zone only"):
        planned(more=more, availability="99.9%")


def test_32_bit_weights_are_served_in_16() -> None:
    spec = workload("BAAI/bge-m3")
    plan = plan_workload(spec, None, CATALOG)
    assert (plan.chosen.quantization, plan.output_tokens) == ("fp16", 0)
