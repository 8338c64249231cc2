"""`inferstack rollout`: a new version judged by its live metrics, and its next step written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inferstack.cli.output import emit_json, progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferstack.rollout.types import Decision, Pair


@click.command(
    epilog="Exit codes: 0 nothing speaks against the new version (advance, wait, finished), 1 something does"
    " (abort, worse than the old version), 2 bad input, 3 no metrics, or not enough of them are there."
)
@click.argument("env")
@click.argument("workload", required=False)
@click.option(
    "--prometheus",
    "url",
    metavar="URL",
    envvar="PROMETHEUS_URL",
    required=True,
    help="Prometheus-compatible API; Amazon's is asked with signed requests. Or PROMETHEUS_URL.",
)
@click.option("--start", is_flag=True, help="Give a version at 0 % its first step.")
@click.option("--write", is_flag=True, help="Write the next step, or 0 on abort, into the workload's file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def rollout(*, env: str, workload: str | None, url: str, start: bool, write: bool, as_json: bool) -> None:
    """Judge the new versions of ENV (`rollout.replaces`), or of one WORKLOAD: advance, hold, abort, finished.

    Errors at the gateway and latencies at the servers since the step began are held against `abortOn` (what
    it does not say follows from the service levels) and against the old version. Too few requests to judge is
    a hold that says how many are needed; what is not measured is never a pass. Changes nothing without
    --write, and with it one number in one file: `inferstack up` brings it to the gateway.

    \b
    Example:
      kubectl -n monitoring port-forward svc/prometheus-operated 9090 &
      inferstack rollout prod-eu --prometheus http://localhost:9090
      inferstack rollout prod-eu chat-v2 --prometheus http://localhost:9090 --write
    """
    from inferstack.catalog.load import load_catalog
    from inferstack.cli.env import read_environment
    from inferstack.rollout.judge import decide
    from inferstack.rollout.measure import measure
    from inferstack.rollout.pairs import chosen, pairs
    from inferstack.rollout.prometheus import prometheus

    found = chosen(pairs(read_environment(env), load_catalog()), workload)
    source = prometheus(url)
    decisions = []
    for pair in found:
        progress(f"asking {source.url} about {pair.workload} and {pair.replaces}")
        decisions.append(decide(pair, measure(pair, source), start=start))
    written = [item.pair for item in decisions if write and _written(item)]
    if as_json:
        emit_json(document(decisions, written))
    else:
        _show(decisions, written)
    if any(item.against for item in decisions):
        raise click.exceptions.Exit(1)
    if any(item.unknown for item in decisions):
        raise click.exceptions.Exit(3)


def _written(decision: Decision) -> bool:
    """Whether the file was changed; it is read again, for it may have been edited meanwhile."""
    from inferstack.cli.files import write_file
    from inferstack.rollout.rewrite import with_traffic
    from inferstack.spec.load import parse_workload

    pair, percent = decision.pair, decision.to
    if percent is None or percent == pair.traffic:
        return False
    with pair.file.open(encoding="utf-8", newline="") as stream:
        before = stream.read()
    after = with_traffic(before, percent, file=str(pair.file))
    parse_workload(after, file=str(pair.file))
    write_file(pair.file, after, overwrite=True)
    return True


def document(decisions: Sequence[Decision], written: Sequence[Pair]) -> dict[str, object]:
    """The verdicts as JSON data, version 1."""
    return {
        "version": 1,
        "against": any(item.against for item in decisions),
        "unknown": any(item.unknown for item in decisions),
        "written": [pair.workload for pair in written],
        "rollouts": [
            {
                "workload": item.pair.workload,
                "replaces": item.pair.replaces,
                "file": item.pair.file,
                "strategy": item.pair.strategy,
                "steps": item.pair.steps,
                "traffic": item.pair.traffic,
                "verdict": item.verdict,
                "to": item.to,
                "reasons": item.reasons,
                "against": item.against,
                "unknown": item.unknown,
                "measured": item.measured,
            }
            for item in decisions
        ],
    }


def _show(decisions: Sequence[Decision], written: Sequence[Pair]) -> None:
    from inferstack.rollout.text import lines

    if not decisions:
        click.echo("no workload here takes over from another (`rollout.replaces`)")
    for item in decisions:
        for colour, line in lines(item):
            click.secho(line, fg=colour)
    for pair in written:
        click.echo(f"written: {pair.file}; `inferstack up` brings it to the gateway")
