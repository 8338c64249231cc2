"""`inferstack cost`: the monthly bill, line by line, before anything exists."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inferstack.cli.output import emit_json

if TYPE_CHECKING:
    from inferstack.cost.bill import Bill, GroupKey
    from inferstack.cost.item import Assumptions
    from inferstack.engine.graph import Graph

_GROUPS = ("component", "workload", "resource", "service")


@click.command()
@click.argument("env", required=False)
@click.option("--preview", "preview_file", metavar="FILE", help="Price a `pulumi preview --json` instead.")
@click.option(
    "--against", metavar="DIR|FILE|REV", help="Compare with a synth folder, a preview or a git revision."
)
@click.option("--group-by", type=click.Choice(_GROUPS), default="component", show_default=True)
@click.option("--top", type=click.IntRange(min=0), metavar="N", help="Show only the N dearest resources.")
@click.option("--assume", metavar="FILE", help="YAML with your own monthly usage for starred lines.")
@click.option("--as-of", metavar="DATE", help="Day that decides Kubernetes support prices; default: today.")
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON document; amounts are text, null is no price."
)
def cost(
    *,
    env: str | None,
    preview_file: str | None,
    against: str | None,
    group_by: GroupKey,
    top: int | None,
    assume: str | None,
    as_of: str | None,
    as_json: bool,
) -> None:
    """The monthly bill of an environment, and its price per million tokens.

    Reads the offline graph, or a real preview. Exit code 1 when a budget is exceeded. What has no price is
    listed and counted, never taken as zero.

    \b
    Example:
      inferstack cost prod-eu --top 5
      inferstack cost prod-eu --against main --json
      pulumi preview --json > preview.json; inferstack cost --preview preview.json
    """
    from inferstack.cost.budget import BudgetState, budgets
    from inferstack.cost.compare import compare
    from inferstack.cost.document import document
    from inferstack.cost.item import load_assumptions

    day = as_of_day(as_of)
    assumptions = load_assumptions(Path(assume) if assume else None)
    graph, baseline = _graphs(env, preview_file, against)
    bill = _bill(graph, day, assumptions)
    comparison = compare(_bill(baseline, day, assumptions), bill, group_by) if baseline is not None else None
    if as_json:
        emit_json(document(bill, comparison))
    else:
        _print(bill, group_by, top)
        if comparison is not None:
            from inferstack.cost.text import comparison_lines

            click.echo("")
            for line in comparison_lines(comparison):
                click.echo(line)
    if any(result.state is BudgetState.EXCEEDED for result in budgets(bill)):
        raise click.exceptions.Exit(1)


def as_of_day(text: str | None) -> dt.date:
    """The day to judge by: given, or today in UTC. InputError for anything else."""
    from inferstack.errors import InputError, Problem

    if text is None:
        return dt.datetime.now(dt.UTC).date()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(Problem(message="not a date", value=text, accepted="2026-11-20")) from None


def _graphs(env: str | None, preview_file: str | None, against: str | None) -> tuple[Graph, Graph | None]:
    """The graph to price and, where asked for, the one to compare with."""
    from inferstack.engine.preview import read_preview
    from inferstack.errors import InputError, Problem

    if preview_file is not None:
        if env is not None:
            message = "ENV and --preview both say what to price"
            raise InputError(Problem(message=message, accepted="one of them"))
        graph = read_preview(Path(preview_file))
        if not graph.managed():
            raise InputError(
                Problem(message="no resource in this preview: nothing to price", file=preview_file)
            )
        return graph, _other_preview(against) if against is not None else None
    if env is None:
        raise InputError(Problem(message="nothing to price", accepted="ENV or --preview FILE"))
    from inferstack.cli.offline import offline
    from inferstack.engine.baseline import load_baseline

    target, graph = offline(env)
    return graph, load_baseline(against, target).graph if against is not None else None


def _other_preview(against: str) -> Graph:
    from inferstack.engine.baseline import PREVIEW_FILE
    from inferstack.engine.preview import read_preview

    path = Path(against)
    return read_preview(path / PREVIEW_FILE if path.is_dir() else path)


def _bill(graph: Graph, day: dt.date, assumptions: Assumptions) -> Bill:
    from inferstack.catalog.load import load_catalog
    from inferstack.cost.estimate import estimate

    return estimate(graph, load_catalog(), today=day, assumptions=assumptions)


def _print(bill: Bill, group_by: GroupKey, top: int | None) -> None:
    from inferstack.cost.text import bill_lines

    for line in bill_lines(bill, group_by=group_by, top=top):
        click.echo(line)
