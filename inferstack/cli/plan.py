"""`inferstack plan`: which GPUs, why, what it costs, what was rejected and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from inferstack.cli.env import environment_of, find_environment, read_environment, read_workload
from inferstack.cli.output import emit_json

if TYPE_CHECKING:
    from inferstack.sizing.query import Objective
    from inferstack.sizing.types import WorkloadPlan
    from inferstack.spec.environment import Environment
    from inferstack.spec.workload import Workload

ApiVersion = Literal["inferstack/v1"]
_API: ApiVersion = "inferstack/v1"


@click.command()
@click.argument("path", metavar="PATH|ENV")
@click.option("--explain", is_flag=True, help="Every rejected candidate with its reason.")
@click.option("--top", default=3, show_default=True, type=click.IntRange(0, 50), help="Alternatives to show.")
@click.option(
    "--objective",
    type=click.Choice(["cost", "latency", "headroom"]),
    default="cost",
    show_default=True,
    help="Latency and headroom spend up to the budget, or twice the cheapest plan.",
)
@click.option("--compare-quantization", is_flag=True, help="The best plan in every form of the weights.")
@click.option("--region", help="Plan there, whatever the environment says (the residency still holds).")
@click.option("--json", "as_json", is_flag=True, help="The same, as one JSON document.")
def plan(
    path: str,
    explain: bool,
    top: int,
    objective: Objective,
    compare_quantization: bool,
    region: str | None,
    as_json: bool,
) -> None:
    """Choose GPUs for a workload file, or for every workload of an environment.

    A workload beside an environment.yaml is planned in that environment; alone, in every region its residency
    allows. Exit code 1 when nothing meets the service levels.

    \b
    Example:
      inferstack plan stacks/prod-eu/workloads/chat.yaml --explain
      inferstack plan prod-eu
    """
    from inferstack.catalog.load import load_catalog
    from inferstack.sizing.plan import plan_environment, plan_workload
    from inferstack.sizing.plan_text import environment_text, workload_text

    file = _workload_file(path)
    catalog = load_catalog()
    if file is None and region is None and not compare_quantization:
        whole = plan_environment(read_environment(path), catalog, objective=objective)
        if as_json:
            emit_json({"apiVersion": _API, "kind": "EnvironmentPlan", **_fields(whole)})
        else:
            click.echo(environment_text(whole, top=top, explain=explain))
        return
    workloads, environment = _workloads(path, file)
    plans = [
        plan_workload(workload, environment, catalog, region=region, objective=objective)
        for workload in workloads
    ]
    comparisons = _comparisons(workloads, environment, region) if compare_quantization else None
    if as_json:
        emit_json(_document(plans, comparisons, single=file is not None))
        return
    for index, one in enumerate(plans):
        click.echo(("\n" if index else "") + workload_text(one, top=top, explain=explain))
        if comparisons is not None:
            click.echo("\n" + comparisons[index][0])


def _workload_file(path: str) -> Path | None:
    """The path, when it is a file that holds a workload; None: an environment."""
    from inferstack.spec.load import kind_of

    file = Path(path)
    if not file.is_file():
        find_environment(path)
        return None
    return None if kind_of(file) == "environment" else file


def _workloads(path: str, file: Path | None) -> tuple[tuple[Workload, ...], Environment | None]:
    if file is None:
        loaded = read_environment(path)
        return loaded.workloads, loaded.environment
    beside = environment_of(file)
    environment = None
    if beside is not None:
        from inferstack.cli.env import knowledge
        from inferstack.spec.load import parse_environment

        text = beside.read_text(encoding="utf-8")
        environment = parse_environment(text, file=str(beside), known=knowledge())
    return (read_workload(file),), environment


def _comparisons(
    workloads: tuple[Workload, ...], environment: Environment | None, region: str | None
) -> list[tuple[str, object]]:
    from inferstack.catalog.load import load_catalog
    from inferstack.sizing.compare import compare_quantization, comparison_text

    catalog = load_catalog()
    rows = [compare_quantization(workload, environment, catalog, region=region) for workload in workloads]
    return [(comparison_text(row), row) for row in rows]


def _document(
    plans: list[WorkloadPlan], comparisons: list[tuple[str, object]] | None, *, single: bool
) -> dict[str, object]:
    documents = [{"apiVersion": _API, "kind": "WorkloadPlan", **_fields(one)} for one in plans]
    for document, compared in zip(documents, comparisons or [], strict=False):
        document["by_quantization"] = compared[1]
    return documents[0] if single else {"apiVersion": _API, "kind": "WorkloadPlans", "workloads": documents}


def _fields(plan: object) -> dict[str, object]:
    from dataclasses import fields

    return {field.name: getattr(plan, field.name) for field in fields(plan)}  # type: ignore[arg-type]
