"""What serving costs while it happens: live nodes at the plan's price, over the tokens of the last hour."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from components.rules import Alert, Recording
from components.rules_slo import plain

if TYPE_CHECKING:
    from components.watch import Watched

HOURS_PER_MONTH: Final = 730
USD_PER_HOUR: Final = "inferstack:usd_per_hour"
USD_PER_MILLION: Final = "inferstack:usd_per_million_tokens"
PLANNED: Final = "inferstack:planned_usd_per_million_tokens"
TOKENS: Final = "inferstack:tokens_per_second:rate1h"
_FINE: Final = Decimal("0.000001")
COUNTED: Final = ("vllm:prompt_tokens_total", "vllm:generation_tokens_total")


def cost_rules(watched: Watched) -> Iterator[Recording | Alert]:
    """None without a price: an unknown cost is not shown as zero."""
    price = watched.usd_per_node_hour
    if price is None:
        return
    mine = f'{{workload="{watched.label}"}}'
    rates = " + ".join(f"sum(rate({name}{{{watched.selector}}}[1h]))" for name in COUNTED)
    nodes = f'count(kube_node_labels{{label_inferstack_dev_workload="{watched.label}"}})'
    yield Recording(name="inferstack:usd_per_node_hour", expr=f"vector({plain(price.quantize(_FINE))})")
    yield Recording(name="inferstack:nodes", expr=f"{nodes} or vector(0)")
    yield Recording(
        name=USD_PER_HOUR,
        expr=f"inferstack:nodes{mine} * on (workload) inferstack:usd_per_node_hour{mine}",
    )
    yield Recording(name=TOKENS, expr=rates)
    yield Recording(
        name=USD_PER_MILLION,
        expr=f"{USD_PER_HOUR}{mine} / on (workload) ({TOKENS}{mine} * 3600 > 0) * 1e6",
    )
    if (planned := watched.planned_usd_per_million_tokens) is not None:
        yield Recording(name=PLANNED, expr=f"vector({plain(planned)})")
    if (budget := watched.facts.budget_monthly_usd) is not None:
        yield Alert(
            name="ModelSpendAboveBudget",
            expr=f"avg_over_time({USD_PER_HOUR}{mine}[1h]) * {HOURS_PER_MONTH} > {plain(budget)}",
            hold="1h",
            severity="warning",
            summary=f"{watched.name}: GPU nodes running now cost more than {budget} USD a month",
        )
