"""The bill as JSON data, version 1. Every amount is a decimal string, or null where there is no price."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final

from inferstack.cost.bill import GROUP_KEYS, Bill, ResourceCost, WorkloadCost
from inferstack.cost.budget import BudgetResult, budgets
from inferstack.cost.compare import Comparison
from inferstack.cost.item import Line
from inferstack.units import HOURS_PER_MONTH, to_cents

VERSION: Final = 1
TOKEN_PRICE: Final = Decimal("0.0001")


def document(bill: Bill, comparison: Comparison | None = None) -> dict[str, Any]:
    """The whole bill; ``against`` is there when it was compared."""
    found: dict[str, Any] = {
        "version": VERSION,
        "currency": "USD",
        "environment": bill.environment,
        "region": bill.region,
        "hours_per_month": number(HOURS_PER_MONTH),
        "price_dates": [day(found) for found in bill.price_dates],
        "total_monthly": number(bill.total),
        "usage_based_monthly": number(bill.usage_based()),
        "complete": bill.complete,
        "budgets": [_budget(result) for result in budgets(bill)],
        "workloads": [_workload(cost) for cost in bill.workloads],
        "groups": {
            key: [
                {"name": group.name, "monthly": number(group.monthly), "gaps": group.gaps}
                for group in bill.grouped(key)
            ]
            for key in GROUP_KEYS
            if key != "resource"
        },
        "resources": [_resource(cost) for cost in bill.resources],
        "gaps": [{"urn": cost.urn, "label": line.label} for cost, line in bill.gaps],
        "not_priced": [{"type": kind.type, "count": kind.count} for kind in bill.not_priced],
        "free": bill.free,
        "assumptions": {
            field.name: number(getattr(bill.assumptions, field.name)) for field in fields(bill.assumptions)
        },
    }
    return found | ({"against": _comparison(comparison)} if comparison else {})


def number(value: Decimal | None) -> str | None:
    """Plain decimal text without exponent."""
    return None if value is None else format(value, "f")


def quantity(value: Decimal | None) -> str | None:
    """A quantity without the digits that only arithmetic added."""
    return None if value is None else number(value.quantize(TOKEN_PRICE).normalize() + 0)


def day(value: dt.date | None) -> str | None:
    return None if value is None else value.isoformat()


def _resource(cost: ResourceCost) -> dict[str, Any]:
    return {
        "urn": cost.urn,
        "type": cost.type,
        "name": cost.name,
        "item": cost.item,
        "service": cost.service,
        "component": cost.component,
        "workload": cost.workload,
        "monthly": number(cost.monthly),
        "lines": [_line(line) for line in cost.lines],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "label": line.label,
        "quantity": quantity(line.quantity),
        "unit": line.unit,
        "unit_price": number(line.unit_price),
        "monthly": number(line.monthly),
        "price_found": line.unit_price is not None,
        "usage_based": line.usage_based,
        "assumption": line.assumption,
        "source": line.source,
        "date": day(line.date),
    }


def _workload(cost: WorkloadCost) -> dict[str, Any]:
    return {
        "name": cost.name,
        "own_monthly": number(cost.own),
        "shared_monthly": number(cost.shared),
        "monthly": number(cost.monthly),
        "gaps": cost.gaps,
        "tokens_per_month": number(None if cost.tokens is None else cost.tokens.quantize(Decimal(1))),
        "usd_per_million_tokens": _token_price(cost, with_shared=False),
        "usd_per_million_tokens_with_shared": _token_price(cost, with_shared=True),
    }


def _token_price(cost: WorkloadCost, *, with_shared: bool) -> str | None:
    price = cost.usd_per_million_tokens(with_shared=with_shared)
    return number(None if price is None else price.quantize(TOKEN_PRICE))


def _budget(result: BudgetResult) -> dict[str, Any]:
    return {
        "scope": result.scope,
        "state": result.state.value,
        "limit_monthly": number(to_cents(result.limit)),
        "monthly": number(result.monthly),
        "gaps": result.gaps,
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "before_monthly": number(comparison.before),
        "after_monthly": number(comparison.after),
        "difference_monthly": number(comparison.difference),
        "percent": number(comparison.percent),
        "complete": comparison.complete,
        "changes": [
            {
                "name": change.name,
                "before": number(change.before),
                "after": number(change.after),
                "difference": number(change.difference),
            }
            for change in comparison.changes
        ],
    }
