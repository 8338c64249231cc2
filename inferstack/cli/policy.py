"""`inferstack policy`: the rules, judged offline; the same pack that `pulumi preview --policy-pack` runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inferstack.cli.cost import as_of_day
from inferstack.cli.output import emit_json

if TYPE_CHECKING:
    from inferstack.engine.graph import Graph
    from inferstack.policy.pack import Pack
    from inferstack.policy.types import PolicyReport, Rule, Waiver

PACK = "policies"
RULES = "rules"


@click.command()
@click.argument("env", required=False, metavar="ENV|rules")
@click.option("--preview", "preview_file", metavar="FILE", help="Judge a `pulumi preview --json` instead.")
@click.option("--rule", "only", multiple=True, metavar="ID", help="Only this rule; repeatable.")
@click.option(
    "--strict/--no-strict", default=None, help="Undecided counts as failed; default: as the environment says."
)
@click.option("--pack", metavar="DIR", help=f"Policy pack; default: the project's {PACK}/.")
@click.option("--waivers", "waivers_file", metavar="FILE", help="More accepted exceptions.")
@click.option(
    "--sarif", "sarif_file", metavar="FILE", help="Also write SARIF 2.1.0 for code scanning; - is stdout."
)
@click.option("--as-of", metavar="DATE", help="Day for waivers and support dates; default: today.")
@click.option("--quiet", is_flag=True, help="Only the verdict and what blocks.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def policy(
    *,
    env: str | None,
    preview_file: str | None,
    only: tuple[str, ...],
    strict: bool | None,
    pack: str | None,
    waivers_file: str | None,
    sarif_file: str | None,
    as_of: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Check licences, provenance, residency, security, reliability and cost.

    `inferstack policy rules` lists the rules.
    Exit code 1 when a mandatory rule fails, or cannot be decided and the environment is strict.

    \b
    Example:
      inferstack policy prod-eu
      inferstack policy prod-eu --sarif policy.sarif --rule INF-RES-002
      inferstack policy rules
    """
    from inferstack.policy.waivers import check_rule_ids, load_waivers

    if as_json and sarif_file == "-":
        raise click.UsageError("--json and --sarif - both want stdout: give --sarif a FILE")
    loaded = _pack(pack, env)
    if env == RULES:
        _list_rules(loaded, as_json=as_json)
        return
    waivers = load_waivers(Path(waivers_file)) if waivers_file else ()
    check_rule_ids(waivers, {rule.id for rule in loaded.rules})
    report = _report(_graph(env, preview_file), loaded, only, strict, as_of, waivers)
    if sarif_file is not None:
        _write_sarif(report, loaded, sarif_file, env)
    if as_json:
        emit_json(report_document(report))
    elif sarif_file != "-":
        _print(report, quiet=quiet)
    if report.blocked:
        raise click.exceptions.Exit(1)


def report_document(report: PolicyReport) -> dict[str, object]:
    """The report as JSON data, version 1."""
    return {"version": 1, "blocked": report.blocked, **_fields(report)}


def _fields(report: PolicyReport) -> dict[str, object]:
    from dataclasses import fields

    return {field.name: getattr(report, field.name) for field in fields(report)}


def _pack(pack: str | None, env: str | None) -> Pack:
    """The named pack; else that of the environment's project; else the one that comes with this package."""
    from inferstack.policy.pack import load_pack

    if pack is not None:
        return load_pack(Path(pack))
    from inferstack.engine.project import find_project

    start = (Path(env),) if env and env != RULES and Path(env).exists() else ()
    root = find_project(*start, Path.cwd()).root
    return load_pack(root / PACK)


def _graph(env: str | None, preview_file: str | None) -> Graph:
    from inferstack.errors import InputError, Problem

    if (env is None) == (preview_file is None):
        raise InputError(Problem(message="nothing to judge, or two things", accepted="ENV or --preview FILE"))
    if preview_file is not None:
        from inferstack.engine.preview import read_preview

        graph = read_preview(Path(preview_file))
        if not graph.managed():
            message = "no resource in this preview: nothing to judge, and nothing is no pass"
            raise InputError(Problem(message=message, file=preview_file))
        return graph
    from inferstack.cli.offline import offline

    return offline(env or "")[1]


def _report(
    graph: Graph,
    pack: Pack,
    only: tuple[str, ...],
    strict: bool | None,
    as_of: str | None,
    waivers: tuple[Waiver, ...],
) -> PolicyReport:
    from inferstack.catalog.load import load_catalog
    from inferstack.policy.knowledge import CatalogKnowledge
    from inferstack.policy.run import evaluate

    return evaluate(
        graph,
        pack.choose(only),
        knowledge=CatalogKnowledge(load_catalog()),
        today=as_of_day(as_of),
        strict=strict,
        waivers=waivers,
    )


def _write_sarif(report: PolicyReport, pack: Pack, file: str, env: str | None) -> None:
    from inferstack.cli.files import write_file
    from inferstack.policy.sarif import sarif

    text = json.dumps(sarif(report, pack.rules, artifact=_artifact(env)), indent=2, ensure_ascii=False) + "\n"
    if file == "-":
        click.echo(text, nl=False)
    else:
        write_file(Path(file), text, overwrite=True)


def _artifact(env: str | None) -> str | None:
    """The environment file relative to the project, for code scanning to point at."""
    if env is None:
        return None
    from inferstack.cli.env import find_environment
    from inferstack.engine.project import find_project

    file = find_environment(env).resolve()
    root = find_project(file.parent).root.resolve()
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name


def _print(report: PolicyReport, *, quiet: bool) -> None:
    from inferstack.policy.text import blocking_lines, report_lines

    for line in blocking_lines(report) if quiet else report_lines(report):
        click.echo(line)


def _list_rules(pack: Pack, *, as_json: bool) -> None:
    from inferstack.policy.text import rules_lines

    if as_json:
        emit_json([rule_document(rule) for rule in pack.rules])
        return
    for line in rules_lines(pack.rules):
        click.echo(line)


def rule_document(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "title": rule.title,
        "family": rule.family,
        "severity": rule.severity,
        "level": rule.level,
        "rationale": rule.rationale,
        "remediation": rule.remediation,
        "url": rule.url,
        "tags": rule.tags,
        "frameworks": rule.frameworks,
    }
