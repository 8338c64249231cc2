"""`inferstack preview`: what would change, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inferstack.cli.output import progress

if TYPE_CHECKING:
    from collections.abc import Iterable

_COLOURS = {"  -/+": "magenta", "  -  ": "red", "  ~  ": "yellow", "  +  ": "green"}


@click.command(short_help="What would change, by component; offline.")
@click.argument("env")
@click.option(
    "--against",
    metavar="DIR|FILE|GIT-REF",
    help="Compare with a synthesised folder, a preview or a revision.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the shape of `pulumi preview --json`.")
def preview(env: str, against: str | None, as_json: bool) -> None:
    """Show what ENV would create, or how it differs from something earlier.

    Runs the Pulumi program offline: no credentials, no plugins, no backend. Replacements and deletions come
    first; a rename with an alias is none. Secrets are never shown.

    \b
    Examples:
      inferstack preview prod-eu
      inferstack preview prod-eu --against main
      inferstack preview prod-eu --against out/prod-eu --json
    """
    from inferstack.cli.offline import offline

    target, graph = offline(env)
    if against is None:
        from inferstack.engine.steps import first_deployment
        from inferstack.review.changes import first_lines

        diff, lines = first_deployment(graph), first_lines(graph)
    else:
        from inferstack.engine.baseline import load_baseline
        from inferstack.engine.diff import compare
        from inferstack.review.changes import change_lines

        progress(f"reading {against}")
        baseline = load_baseline(against, target)
        diff = compare(baseline.graph, graph)
        lines = change_lines(diff, baseline.label)
    if as_json:
        from inferstack.engine import steps
        from inferstack.engine.preview import dumps

        click.echo(dumps(steps.to_document(diff)), nl=False)
    else:
        _print(lines)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.secho(line, fg=_COLOURS.get(line[:5]))
