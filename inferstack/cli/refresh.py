"""`inferstack refresh`: reads what AWS really has into the state, and says what differs."""

from __future__ import annotations

import click

from inferstack.cli.deploying import (
    finish,
    open_target,
    require_consent,
    say,
    show_changes,
    show_pending,
    summary,
)


@click.command(
    epilog="Exit codes: 0 read, 1 declined, 2 bad input, 3 AWS, the backend or the Pulumi CLI failed."
)
@click.argument("env")
@click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal.")
@click.option(
    "--clear-pending",
    is_flag=True,
    help="Forget creations that a killed run left open; first make sure that AWS does not have them.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document: what differed.")
def refresh(*, env: str, yes: bool, clear_pending: bool, as_json: bool) -> None:
    """Bring the state of ENV in line with AWS; changes nothing in AWS.

    What somebody changed by hand shows here, and the next `up` puts it back.

    \b
    Example:
      inferstack refresh prod-eu
      inferstack refresh dev --clear-pending --yes
    """
    from inferstack.cli.env import find_environment
    from inferstack.engine.project import resolve

    target = resolve(find_environment(env))
    require_consent(yes=yes, command="refresh")
    opened = open_target(target)
    state = opened.state()
    if not clear_pending:
        show_pending(state, target.stack)
    if not yes and not click.confirm(
        f"Read {len(state.managed)} resources of {target.stack} again?", err=True
    ):
        say("nothing was changed")
        raise click.exceptions.Exit(1)
    say(f"refreshing {target.stack}")
    outcome = opened.refresh(clear_pending=clear_pending)
    show_changes(outcome.steps)
    drifted = [{"type": step.type, "name": step.name, "operation": step.operation} for step in outcome.steps]
    document = summary(
        "refresh", target.stack, outcome, differed=drifted, pending=len(opened.state().pending)
    )
    finish(document, outcome, as_json=as_json)
