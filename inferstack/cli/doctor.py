"""`inferstack doctor`: looks at the account before anything is made in it; read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inferstack.cli.cost import as_of_day
from inferstack.cli.output import emit_json, progress

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from inferstack.engine.graph import Graph
    from inferstack.engine.project import Target
    from inferstack.preflight.types import Check, Report


@click.command(
    epilog="Exit codes: 0 nothing stands in the way, 1 something failed, 2 bad input,"
    " 3 AWS gave no answer (no credentials, no network, or a check is unknown)."
)
@click.argument("env")
@click.option("--check", "only", multiple=True, metavar="ID", help="Only this check; repeatable.")
@click.option("--hub", is_flag=True, help="Ask Hugging Face about gated models, with HF_TOKEN.")
@click.option("--images", is_flag=True, help="Ask registries for the digests of images that run by tag.")
@click.option("--as-of", metavar="DATE", help="Day for support and end dates; default: today.")
@click.option("--quiet", is_flag=True, help="Only the verdict and what is not ok.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def doctor(
    *, env: str, only: tuple[str, ...], hub: bool, images: bool, as_of: str | None, quiet: bool, as_json: bool
) -> None:
    """Check that the AWS account can take ENV: quotas, offerings, names, access, versions.

    Asks AWS with the credentials of this machine and changes nothing. Every finding names its fix. A check
    that AWS does not answer is "unknown", never ok.

    \b
    Example:
      AWS_PROFILE=prod inferstack doctor prod-eu
      inferstack doctor prod-eu --check vcpu-quota --json
    """
    from inferstack.cli.offline import offline
    from inferstack.preflight.checks import CHECKS
    from inferstack.preflight.run import choose

    checks, day = choose(CHECKS, only), as_of_day(as_of)
    target, graph = offline(env)
    report = examined(target, graph, checks=checks, today=day, ask_hub=hub, ask_registries=images)
    if as_json:
        emit_json(report_document(report))
    else:
        show_report(report, quiet=quiet)
    if report.failed or report.undecided:
        raise click.exceptions.Exit(1 if report.failed else 3)


def examined(
    target: Target,
    graph: Graph,
    *,
    checks: Sequence[Check],
    today: dt.date,
    ask_hub: bool = False,
    ask_registries: bool = False,
    held: frozenset[str] | None = None,
) -> Report:
    """The account that a graph is meant for, looked at; ``held``: ids in the stack's state."""
    from inferstack.catalog.load import load_catalog
    from inferstack.engine.backend import find_backend
    from inferstack.preflight.aws import Account
    from inferstack.preflight.needs import needs_of
    from inferstack.preflight.run import examine, resolve_host
    from inferstack.preflight.types import Subject

    needs = needs_of(graph)
    subject = Subject(
        needs=needs,
        account=Account(needs.region),
        catalog=load_catalog(),
        backend=find_backend(target),
        today=today,
        resolve=resolve_host,
        ask_hub=ask_hub,
        ask_registries=ask_registries,
        held=held,
    )
    progress(f"asking AWS about account {needs.account}, {needs.region}")
    return examine(subject, checks, lambda check: progress(f"  {check.title.lower()}"))


def report_document(report: Report) -> dict[str, object]:
    """The report as JSON data, version 1."""
    from dataclasses import fields

    return {
        "version": 1,
        "failed": report.failed,
        "undecided": report.undecided,
        **{field.name: getattr(report, field.name) for field in fields(report)},
    }


def show_report(report: Report, *, quiet: bool, err: bool = False) -> None:
    from inferstack.preflight.text import COLOURS, report_lines

    for status, line in report_lines(report, quiet=quiet):
        click.secho(line, fg=COLOURS.get(status) if status else None, err=err)
