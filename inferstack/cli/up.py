"""`inferstack up`: doctor, verdict, budget, preview, and then the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inferstack.cli.deploying import (
    counted,
    finish,
    open_target,
    require_consent,
    say,
    show_changes,
    show_pending,
    summary,
)

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from inferstack.deploy.stack import Opened
    from inferstack.deploy.state import State
    from inferstack.engine.graph import Graph
    from inferstack.engine.project import Target
    from inferstack.review.verdict import Assessment


@click.command(
    epilog="Exit codes: 0 done, 1 refused by policy, budget or doctor, or declined, 2 bad input, 3 AWS, the"
    " backend or the Pulumi CLI failed."
)
@click.argument("env")
@click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal.")
@click.option("--skip-doctor", is_flag=True, help="Do not look at the account first.")
@click.option("--accept-unknown", is_flag=True, help="Go on although doctor could not establish everything.")
@click.option("--skip-preview", is_flag=True, help="Do not show what would change; only with --yes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: changes, bill, outputs.")
def up(
    *, env: str, yes: bool, skip_doctor: bool, accept_unknown: bool, skip_preview: bool, as_json: bool
) -> None:
    """Create or change ENV in AWS.

    First the policy, the budgets and `doctor`: any of them that blocks ends it before anything is touched.
    Then Pulumi shows what would change, asks, and does it under the same policy pack. A run that was killed
    is taken up by the next.

    \b
    Example:
      inferstack up dev
      inferstack up prod-eu --yes --json > up.json
    """
    from inferstack.cli.cost import as_of_day
    from inferstack.cli.env import find_environment
    from inferstack.cli.policy import PACK
    from inferstack.engine.project import resolve

    if skip_preview and not yes:
        raise click.UsageError("--skip-preview shows nothing to agree to: add --yes")
    target, today = resolve(find_environment(env)), as_of_day(None)
    require_consent(yes=yes, command="up")
    opened = open_target(target)
    assessment = _assessed(target, today)
    _require_secrets(assessment.graph)
    state = opened.state()
    if not skip_doctor:
        _examine(target, assessment.graph, state, today, accept_unknown=accept_unknown)
    show_pending(state, target.stack)
    pack = target.project.root.resolve() / PACK
    if not skip_preview:
        _preview(opened, pack)
    if not yes:
        _ask(assessment)
    _deploy(opened, pack, assessment, as_json=as_json)


def _preview(opened: Opened, pack: Path) -> None:
    say(f"previewing {opened.name}")
    planned = opened.preview(pack)
    show_changes(planned.steps)
    say(f"{opened.name}: {counted(planned.changes)}")


def _deploy(opened: Opened, pack: Path, assessment: Assessment, *, as_json: bool) -> None:
    say(f"deploying {opened.name}")
    outcome, outputs = opened.up(pack), opened.outputs()
    document = summary(
        "up",
        opened.name,
        outcome,
        total_monthly=assessment.bill.total,
        outputs=outputs,
        pending=len(opened.state().pending),
    )
    lines = [f"  {name}: {value}" for name, value in outputs.items()]
    finish(document, outcome, as_json=as_json, lines=lines)


def _assessed(target: Target, today: dt.date) -> Assessment:
    """The verdict; BlockedError when it is no."""
    from inferstack.catalog.load import load_catalog
    from inferstack.cli.policy import PACK
    from inferstack.cost.text import headline
    from inferstack.engine.program import run_program
    from inferstack.errors import BlockedError
    from inferstack.policy.pack import load_pack
    from inferstack.policy.text import blocking_lines
    from inferstack.review.assess import assess

    say(f"running the program of {target.stack} offline")
    rules = load_pack(target.project.root / PACK).rules
    assessment = assess(run_program(target), rules, catalog=load_catalog(), today=today)
    say(headline(assessment.bill))
    for line in blocking_lines(assessment.policy):
        say(line)
    if assessment.blocked:
        raise BlockedError("\n".join(f"blocked: {reason}" for reason in assessment.reasons))
    return assessment


def _require_secrets(graph: Graph) -> None:
    from inferstack.errors import InputError, Problem
    from inferstack.preflight.needs import needs_of

    missing, stack = needs_of(graph).missing_secrets, f"--stack {graph.stack}"
    if missing:
        raise InputError(
            *(
                Problem(
                    message="needed and not set",
                    path=f"inferstack:{name}",
                    accepted=f"pulumi config set --secret inferstack:{name} {stack}; secretsInCluster: true",
                )
                for name in missing
            )
        )


def _examine(target: Target, graph: Graph, state: State, today: dt.date, *, accept_unknown: bool) -> None:
    """The account, looked at; BlockedError when it cannot take the environment."""
    from inferstack.cli.doctor import examined, show_report
    from inferstack.errors import BlockedError, OutsideError
    from inferstack.preflight.checks import CHECKS
    from inferstack.preflight.needs import needs_of

    held = frozenset(one.id for one in state.managed if one.id)
    report = examined(target, graph, checks=CHECKS, today=today, held=held)
    show_report(report, quiet=True, err=True)
    if report.failed:
        raise BlockedError("doctor: the account cannot take it yet, see the fixes above (or --skip-doctor)")
    if report.undecided and needs_of(graph).strict and not accept_unknown:
        raise OutsideError(
            "doctor: not everything could be established, and the environment is strict;"
            " --accept-unknown goes on all the same"
        )


def _ask(assessment: Assessment) -> None:
    from inferstack.cost.text import headline

    say("")
    if not click.confirm(f"{headline(assessment.bill)}. Deploy it?", err=True):
        say("nothing was changed")
        raise click.exceptions.Exit(1)
