"""`inferstack destroy`: removes an environment, and says what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inferstack.cli.deploying import finish, open_target, require_consent, say, show_pending, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferstack.deploy.state import Held, State


@click.command(
    epilog="Exit codes: 0 removed, 1 refused (protected resources) or declined, 2 bad input, 3 AWS, the"
    " backend or the Pulumi CLI failed."
)
@click.argument("env")
@click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: changes, what was kept.")
def destroy(*, env: str, yes: bool, as_json: bool) -> None:
    """Remove everything of ENV from AWS, in the order that works.

    Refuses while resources are protected, and names what takes the protection away. Shows what is kept in AWS
    (weights, logs) before it asks.

    \b
    Example:
      inferstack destroy dev
      inferstack destroy dev --yes --json
    """
    from inferstack.cli.env import find_environment
    from inferstack.engine.project import resolve

    target = resolve(find_environment(env))
    require_consent(yes=yes, command="destroy")
    opened = open_target(target)
    state = opened.state()
    _refuse_protected(state, target.stack)
    _show(state, target.stack)
    show_pending(state, target.stack)
    if not yes and not _agreed(target.stack):
        say("nothing was changed")
        raise click.exceptions.Exit(1)
    say(f"destroying {target.stack}")
    outcome = opened.destroy()
    kept = [str(one) for one in state.retained]
    document = summary("destroy", target.stack, outcome, retained=kept)
    finish(document, outcome, as_json=as_json, lines=[f"  kept in AWS: {one}" for one in kept])


def _refuse_protected(state: State, stack: str) -> None:
    from inferstack.errors import BlockedError

    lines: list[str] = []
    if state.protected:
        lines += [f"{stack} has protected resources:", *_listed(state.protected)]
        lines.append(f"  to give them up: pulumi state unprotect --all --stack {stack}")
    if state.guarded:
        lines.append("AWS refuses to delete:")
    for one in state.guarded:
        lines += [f"  {one}", f"    first: {_unguard(one, stack)}"]
    if lines:
        raise BlockedError("\n".join(lines))


def _unguard(one: Held, stack: str) -> str:
    """What takes AWS's own protection away."""
    from inferstack.deploy.state import DATABASE_TYPE

    if one.type == DATABASE_TYPE:
        command = f"aws rds modify-db-instance --db-instance-identifier {one.id} --no-deletion-protection"
        return f"{command} --apply-immediately, then inferstack refresh {stack}"
    return f"cluster.deletionProtection: false, then inferstack up {stack}"


def _listed(held: Sequence[Held]) -> list[str]:
    return [f"  {one}" for one in held]


def _show(state: State, stack: str) -> None:
    kept = {one.urn for one in state.retained}
    say(f"{stack}: {len(state.managed) - len(kept)} resources are removed, {len(kept)} are kept in AWS")
    for one in state.retained:
        say(f"  kept: {one}")
    for one in state.to_empty:
        say(f"  AWS removes it only when it is empty, old versions too: {one} (S3 console: Empty)")


def _agreed(stack: str) -> bool:
    answer: str = click.prompt(f"Type {stack} to remove it", default="", show_default=False, err=True)
    return answer.strip() == stack
