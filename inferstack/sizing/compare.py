"""The same workload in every form of its weights, side by side."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from inferstack.catalog.load import Catalog
from inferstack.errors import BlockedError
from inferstack.sizing.ask import ask, place_of
from inferstack.sizing.candidates import candidate
from inferstack.sizing.checkpoints import Weights
from inferstack.sizing.decide import decide
from inferstack.sizing.demand import milliseconds
from inferstack.sizing.parallelism import cut_text
from inferstack.sizing.plan_text import TIMES
from inferstack.sizing.types import Candidate
from inferstack.spec.environment import Environment
from inferstack.spec.workload import Workload
from inferstack.units import usd


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationRow:
    """The best plan with one form of the weights; ``why_not`` when there is none."""

    weights: Weights
    best: Candidate | None
    why_not: str | None = None


def compare_quantization(
    workload: Workload, environment: Environment | None, catalog: Catalog, *, region: str | None = None
) -> tuple[QuantizationRow, ...]:
    """One row a form of the weights that the spec allows, best quality first."""
    asked = ask(workload, place_of(workload, environment, catalog, region), catalog)
    rows = []
    for weights in asked.query.subject.weights:
        only = dataclasses.replace(asked.query.subject, weights=(weights,), asked_for=weights.quantization)
        query = dataclasses.replace(asked.query, subject=only, budget_usd_per_month=None)
        try:
            decision = decide(query, workload.name)
        except BlockedError as error:
            rows.append(QuantizationRow(weights=weights, best=None, why_not=_first_reason(str(error))))
            continue
        best = candidate(decision.chosen, query, asked.rollouts)
        rows.append(QuantizationRow(weights=weights, best=best))
    return tuple(rows)


def _first_reason(text: str) -> str:
    lines = text.splitlines()
    return lines[1].strip() if len(lines) > 1 else lines[0]


def comparison_text(rows: tuple[QuantizationRow, ...]) -> str:
    """A line a row: form, nodes, price, latency, checkpoint."""
    lines = ["  by quantization"]
    for row in rows:
        name = f"{row.weights.quantization:<10}"
        if row.best is None:
            lines.append(f"    {name} none: {row.why_not}")
            continue
        best = row.best
        price = "no price" if best.usd_per_month is None else usd(best.usd_per_month, cents=False)
        engine = f"{best.nodes} {TIMES} {best.instance_type} {cut_text(best.tp, best.pp, best.dp)}"
        lines.append(f"    {name} {engine:<28} {price:>10}   {_latency(best)}   {_origin(row.weights)}")
    return "\n".join(lines)


def _latency(best: Candidate) -> str:
    seen = best.at_peak
    return f"TTFT p95 {milliseconds(seen.ttft_ms.p95)}, ITL p95 {milliseconds(seen.tpot_ms.p95)}"


def _origin(weights: Weights) -> str:
    return "quantized on load" if weights.origin == "online" else weights.checkpoint
