"""The bill: totals, gaps, groups, workloads, budgets, comparison and its JSON and text."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cost_graphs import ENVIRONMENT, UNPRICED, bill, environment, resource, workload

from inferstack.cost.bill import GROUP_KEYS, SHARED, Bill
from inferstack.cost.budget import BudgetState, budgets
from inferstack.cost.compare import compare
from inferstack.cost.document import document
from inferstack.cost.estimate import estimate
from inferstack.cost.item import load_assumptions
from inferstack.cost.items import FREE, ITEMS
from inferstack.cost.text import bill_lines, comparison_lines, headline
from inferstack.errors import InputError
from inferstack.resources import UNKNOWN, Resource, ResourceIndex

ROOT = Path(__file__).parents[2]
NAT = resource("aws:ec2/natGateway:NatGateway", "nat", parent=ENVIRONMENT)
KEY = resource("aws:kms/key:Key", "key", parent=ENVIRONMENT)


def pool(name: str, nodes: int, purchase: str = "on-demand") -> tuple[Resource, ...]:
    """GPU nodes of a workload, without root volumes."""
    facts = {"workload": name, "instanceType": "g6e.12xlarge", "purchase": purchase, "nodes": nodes}
    component = resource("inferstack:index:GpuPool", f"{name}-gpus", facts, parent=ENVIRONMENT)
    template = resource("aws:ec2/launchTemplate:LaunchTemplate", name, {}, parent=component.urn)
    group = resource(
        "aws:eks/nodeGroup:NodeGroup",
        name,
        {"instanceTypes": ["g6e.12xlarge"], "scalingConfig": {"desiredSize": nodes}},
        parent=component.urn,
        depends={"launchTemplate": (template.urn,)},
    )
    return component, template, group


def two_workloads(**facts: Any) -> Bill:
    chat = workload("chat", budgetMonthlyUsd=facts.pop("chat_budget", None))
    everything = (chat, workload("code"), *pool("chat", 3), *pool("code", 1), NAT, KEY)
    return bill(*everything, **facts)


def test_the_total_is_the_sum_by_hand() -> None:
    # 4 nodes x 730 h x $10; NAT $36.50 + $2; key $1
    assert two_workloads().total == Decimal("29239.50")


def test_every_grouping_sums_to_the_total() -> None:
    found = two_workloads()
    for key in GROUP_KEYS:
        assert sum(group.monthly for group in found.grouped(key)) == found.total


def test_groups_are_named_after_components_and_workloads() -> None:
    found = two_workloads()
    by_component = {group.name: group.monthly for group in found.grouped("component")}
    assert by_component == {
        "chat-gpus": Decimal("21900.00"),
        "code-gpus": Decimal("7300.00"),
        "(environment)": Decimal("39.50"),
    }
    assert {group.name for group in found.grouped("workload")} == {"chat", "code", SHARED}


def test_shared_cost_follows_what_workloads_cost_themselves() -> None:
    chat, code = two_workloads().workloads
    assert (chat.own, code.own) == (Decimal("21900.00"), Decimal("7300.00"))
    # 39.50 in the proportion 3 : 1 is 29.625 and 9.875: the odd cent goes to the larger remainder by name
    assert chat.shared + code.shared == Decimal("39.50")
    assert abs(chat.shared - Decimal("29.625")) < Decimal("0.01")


def test_price_of_tokens_by_hand() -> None:
    chat, _ = two_workloads().workloads
    # 730,000 requests x 1,200 tokens = 876 M; $21,900 / 876
    assert chat.tokens == Decimal("876000000")
    assert chat.usd_per_million_tokens(with_shared=False) == Decimal("25")


def test_tokens_have_no_price_while_one_of_their_own_is_missing() -> None:
    found = bill(workload(), *pool("chat", 1, "savings-plan-1y"))
    assert found.workloads[0].usd_per_million_tokens(with_shared=False) is None


def test_no_price_is_counted_and_never_zero() -> None:
    found = bill(NAT, region=UNPRICED)
    assert found.total == Decimal("0.00")
    assert len(found.gaps) == 2
    assert not found.complete
    assert "and 2 without a price" in headline(found)


def test_a_type_nobody_covers_is_listed_not_forgotten() -> None:
    found = bill(resource("aws:rds/cluster:Cluster", "a"), resource("aws:rds/cluster:Cluster", "b"), KEY)
    assert [(kind.type, kind.count) for kind in found.not_priced] == [("aws:rds/cluster:Cluster", 2)]
    assert not found.complete


def test_components_providers_and_the_stack_are_structure() -> None:
    stack = resource("pulumi:pulumi:Stack", "stack")
    provider = resource("pulumi:providers:aws", "aws", {"region": "eu-central-1"})
    found = bill(stack, provider, KEY)
    assert (found.free, found.not_priced) == (0, ())


def test_a_resource_is_billed_where_it_is() -> None:
    own = resource("aws:kms/key:Key", "far", {"region": UNPRICED}, parent=ENVIRONMENT)
    assert bill(own).gaps
    provider = resource("pulumi:providers:aws", "aws", {"region": UNPRICED})
    under = resource("aws:kms/key:Key", "under", parent=ENVIRONMENT, provider=provider.urn)
    assert bill(provider, under).gaps


def test_an_unknown_region_is_a_gap_not_the_environments() -> None:
    own = resource("aws:kms/key:Key", "k", {"region": UNKNOWN}, parent=ENVIRONMENT)
    assert bill(own).gaps


def test_a_region_the_catalog_does_not_know_is_a_gap() -> None:
    from inferstack.catalog.load import load_catalog

    key = resource("aws:kms/key:Key", "k", {"region": "xx-moon-1"}, parent=ENVIRONMENT)
    assert len(bill(key, catalog=load_catalog()).gaps) == 1


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path, *(leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key)))]
    if isinstance(value, list):
        return [path, *(leaf for place, inner in enumerate(value) for leaf in leaves(inner, (*path, place)))]
    return [path]


def with_unknown(found: Resource, path: tuple[Any, ...]) -> Resource:
    inputs = copy.deepcopy(dict(found.inputs))
    holder: Any = inputs
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = UNKNOWN
    return replace(found, inputs=inputs)


def full_environment() -> list[Resource]:
    store = resource("inferstack:index:ModelStore", "models", {"bucket": "b"}, parent=ENVIRONMENT)
    disk = {"volumeType": "gp3", "volumeSize": 60, "iops": 4000, "throughput": 500}
    chat, template, group = pool("chat", 2)
    template = replace(template, inputs={"blockDeviceMappings": [{"ebs": disk}]})
    scheme = {"annotations": {"alb.ingress.kubernetes.io/scheme": "internet-facing"}}
    endpoint = {"vpcEndpointType": "Interface", "serviceName": "com.amazonaws.x.ecr", "subnetIds": ["a", "b"]}
    storage = {"resources": {"requests": {"storage": "5Gi"}}}
    in_cluster = "kubernetes:networking.k8s.io/v1:Ingress"
    return [
        workload(budgetMonthlyUsd="99999"),
        chat,
        template,
        group,
        NAT,
        KEY,
        store,
        resource("aws:s3/bucket:Bucket", "models", {"bucket": "b"}, parent=store.urn),
        resource("aws:eks/cluster:Cluster", "c", {"version": "1.35"}, parent=ENVIRONMENT),
        resource("aws:ec2/vpcEndpoint:VpcEndpoint", "e", endpoint, parent=ENVIRONMENT),
        resource("aws:wafv2/webAcl:WebAcl", "w", {"rules": [{"name": "a"}]}, parent=ENVIRONMENT),
        resource("aws:ebs/volume:Volume", "v", {"type": "gp3", "size": 10}, parent=ENVIRONMENT),
        resource("inferstack:index:Gateway", "g", {"scheme": "internet-facing"}, parent=ENVIRONMENT),
        resource(
            in_cluster, "i", {"metadata": scheme, "spec": {"ingressClassName": "alb"}}, parent=ENVIRONMENT
        ),
        resource("kubernetes:core/v1:PersistentVolumeClaim", "p", {"spec": storage}, parent=ENVIRONMENT),
    ]


def test_no_unknown_value_stops_the_bill_or_lowers_it_in_silence() -> None:
    everything = full_environment()
    whole = bill(*everything)
    assert whole.complete
    for place, found in enumerate(everything):
        for path in leaves(dict(found.inputs))[1:]:
            changed = [*everything[:place], with_unknown(found, path), *everything[place + 1 :]]
            now = bill(*changed)
            assert now.total >= whole.total or not now.complete, f"{found.type} {path}"


def test_a_bill_without_an_environment_still_prices_what_says_where_it_is() -> None:
    from cost_graphs import CATALOG, TODAY

    key = resource("aws:kms/key:Key", "k", {"region": "eu-central-1"})
    found = estimate(ResourceIndex((key,)), CATALOG, today=TODAY, assumptions=load_assumptions())  # type: ignore[arg-type]
    assert found.total == Decimal("1.00")
    assert found.budget is None


# --- budgets ---


def state(found: Bill) -> list[tuple[str, BudgetState]]:
    return [(result.scope, result.state) for result in budgets(found)]


def test_no_budget_no_result() -> None:
    assert state(two_workloads()) == []


def test_a_budget_is_kept_to_the_cent() -> None:
    assert state(two_workloads(budgetMonthlyUsd="29239.50")) == [("test", BudgetState.KEPT)]
    assert state(two_workloads(budgetMonthlyUsd="29239.49")) == [("test", BudgetState.EXCEEDED)]


def test_a_workloads_budget_is_for_its_own_resources() -> None:
    assert state(two_workloads(chat_budget="21900")) == [("workload chat", BudgetState.KEPT)]
    assert state(two_workloads(chat_budget="21899.99")) == [("workload chat", BudgetState.EXCEEDED)]


def test_missing_prices_leave_a_budget_undecided_unless_the_known_part_is_over() -> None:
    gap = resource("aws:kms/key:Key", "far", {"region": UNPRICED}, parent=ENVIRONMENT)
    assert state(bill(KEY, gap, budgetMonthlyUsd="100")) == [("test", BudgetState.UNDECIDED)]
    assert state(bill(KEY, gap, budgetMonthlyUsd="0.99")) == [("test", BudgetState.EXCEEDED)]


def test_a_type_nobody_covers_leaves_a_budget_undecided() -> None:
    other = resource("aws:rds/cluster:Cluster", "a")
    assert state(bill(KEY, other, budgetMonthlyUsd="100")) == [("test", BudgetState.UNDECIDED)]


def test_results_say_the_amounts() -> None:
    (over,) = budgets(two_workloads(budgetMonthlyUsd="20000"))
    assert str(over) == "test: $29,239.50 of $20,000.00 a month, $9,239.50 over budget"
    (kept,) = budgets(two_workloads(budgetMonthlyUsd="30000"))
    assert str(kept) == "test: $29,239.50 of $30,000.00 a month, $760.50 left"


# --- comparison ---


def test_a_comparison_shows_what_changed_and_conserves_the_difference() -> None:
    before, after = bill(NAT, KEY), two_workloads()
    found = compare(before, after)
    assert found.difference == after.total - before.total
    assert sum(change.difference for change in found.changes) == found.difference
    assert [change.name for change in found.changes] == ["chat-gpus", "code-gpus"]
    assert found.percent == Decimal("73924.1")


def test_nothing_before_has_no_growth() -> None:
    assert compare(bill(), bill(KEY)).percent is None


def test_a_comparison_with_gaps_says_so() -> None:
    found = compare(bill(NAT, region=UNPRICED), bill(NAT))
    assert not found.complete
    assert "known amounts only" in next(comparison_lines(found))


# --- JSON and text ---

MONEY = re.compile(r"-?\d+\.\d{2}")


def amounts_of(value: Any) -> list[Any]:
    if isinstance(value, dict):
        own = [value["monthly"]] if "monthly" in value else []
        return own + [amount for inner in value.values() for amount in amounts_of(inner)]
    return [amount for inner in value for amount in amounts_of(inner)] if isinstance(value, list) else []


def test_amounts_are_text_or_null_and_never_numbers() -> None:
    gap = resource("aws:kms/key:Key", "far", {"region": UNPRICED}, parent=ENVIRONMENT)
    found = document(bill(*pool("chat", 1), workload(), NAT, gap), compare(bill(NAT), bill(KEY)))
    text = json.dumps(found)
    assert not any(isinstance(value, float) for value in _values(json.loads(text)))
    amounts = amounts_of(found)
    assert amounts
    assert all(amount is None or MONEY.fullmatch(amount) for amount in amounts)
    assert None in amounts


def _values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [inner for held in value.values() for inner in _values(held)]
    return [inner for held in value for inner in _values(held)] if isinstance(value, list) else [value]


def test_the_document_has_its_parts() -> None:
    found = document(two_workloads(budgetMonthlyUsd="1"))
    assert found["version"] == 1
    assert found["total_monthly"] == "29239.50"
    assert found["hours_per_month"] == "730"
    assert found["budgets"][0]["state"] == "exceeded"
    assert found["workloads"][0]["usd_per_million_tokens"] == "25.0000"
    assert set(found["groups"]) == {"component", "workload", "service"}
    assert "against" not in found
    line = found["resources"][0]["lines"][0]
    assert line["price_found"] is True
    assert line["source"] == "a price list"
    assert line["date"] == "2026-07-01"


def test_the_text_leads_with_the_total_and_ends_with_assumptions() -> None:
    text = list(bill_lines(two_workloads(budgetMonthlyUsd="20000")))
    assert text[0] == "test (eu-central-1): $29,239.50 a month"
    assert any(line.startswith("budget OVER: test") for line in text)
    assert any("730 hours a month" in line for line in text)
    assert any(line.startswith("  * ") for line in text)


def test_the_text_shows_gaps_and_types_that_are_not_priced() -> None:
    found = bill(NAT, resource("aws:rds/cluster:Cluster", "db"), region=UNPRICED)
    text = "\n".join(bill_lines(found))
    assert "no price (2 lines, not in the total)" in text
    assert "1 x aws:rds/cluster:Cluster" in text


def test_top_keeps_the_sum() -> None:
    text = list(bill_lines(two_workloads(), top=1))
    assert any(line.startswith("3 smaller resources") and "$7,339.50" in line for line in text)


@pytest.mark.parametrize("key", GROUP_KEYS)
def test_every_grouping_can_be_shown(key: Any) -> None:
    assert any(line.startswith("total") for line in bill_lines(two_workloads(), group_by=key))


# --- assumptions and the list of items ---


def test_own_assumptions_replace_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "usage.yaml"
    path.write_text("nat_gb_per_gateway: 1.10\n")
    assumptions = load_assumptions(path)
    assert assumptions.nat_gb_per_gateway == Decimal("1.10")
    assert assumptions.flow_log_gb == load_assumptions().flow_log_gb


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nat_gb: 1", "unknown key"),
        ("nat_gb_per_gateway: much", "not a quantity"),
        ("nat_gb_per_gateway: -1", "not a quantity"),
        ("nat_gb_per_gateway: .inf", "not a quantity"),
        ("- 1", "not a mapping"),
        ("a: [", "not readable"),
        ("[" * 5000, "not readable"),
    ],
)
def test_a_broken_file_of_assumptions_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "usage.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_assumptions(path)


def test_every_item_is_one_file_with_a_test_and_ids_are_unique() -> None:
    files = sorted(
        path.stem for path in (ROOT / "inferstack/cost/items").glob("*.py") if path.stem != "__init__"
    )
    assert files == sorted(item.id.replace("-", "_") for item in ITEMS)
    for stem in files:
        assert (Path(__file__).parent / f"test_cost_{stem}.py").is_file(), stem


def test_no_type_is_both_priced_always_and_free() -> None:
    always = {kind for item in ITEMS if item.applies is None for kind in item.types}
    assert not always & set(FREE)


def test_an_environment_of_its_own_costs_nothing() -> None:
    assert bill().total == Decimal("0.00")
    assert environment().urn == ENVIRONMENT
