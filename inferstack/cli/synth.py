"""`inferstack synth`: everything about an environment in one folder, without credentials or network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from inferstack.cli.cost import as_of_day
from inferstack.cli.env import find_environment, read_environment
from inferstack.cli.output import emit_json, plain, progress
from inferstack.cli.policy import PACK, report_document

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from inferstack.engine.project import Target
    from inferstack.policy.types import Rule
    from inferstack.review.verdict import Assessment


@click.command(epilog="Exit codes: 0 written, 1 written and blocked, 2 bad input, 3 the disk failed.")
@click.argument("env")
@click.option("--out", metavar="DIR", required=True, help="Folder to write; replaced whole, atomically.")
@click.option("--force", is_flag=True, help="Replace the folder even if something else wrote into it.")
@click.option("--as-of", metavar="DATE", help="Day for waivers and support dates; default: today.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: verdict, total, files.")
def synth(*, env: str, out: str, force: bool, as_of: str | None, as_json: bool) -> None:
    """Write plan, preview, bill, verdict, manifests and report of ENV to a folder.

    Two runs write the same bytes. The files are written even when the verdict is "blocked".

    \b
    Example:
      inferstack synth prod-eu --out out/prod-eu
    """
    from inferstack.engine.project import resolve
    from inferstack.policy.pack import load_pack
    from inferstack.review.folder import check_folder, write_folder

    if not out.strip():
        raise click.UsageError("--out is empty: name a folder, such as out/prod-eu")
    folder, environment = Path(out), find_environment(env)
    check_folder(folder, force=force, keep=(environment,))
    target = resolve(environment)
    rules = load_pack(target.project.root / PACK).rules
    assessment, files = _assess(env, target, rules, as_of_day(as_of))
    write_folder(folder, files, force=force)
    if as_json:
        emit_json(_summary(assessment, folder, files))
    else:
        _print(assessment, folder, files)
    if assessment.blocked:
        raise click.exceptions.Exit(1)


def _assess(
    env: str, target: Target, rules: Iterable[Rule], today: dt.date
) -> tuple[Assessment, dict[str, str]]:
    """The verdict on an environment and the files that show it."""
    from inferstack.catalog.load import load_catalog
    from inferstack.engine.program import run_program
    from inferstack.review import bundle
    from inferstack.review.assess import assess
    from inferstack.sizing.plan import plan_environment

    catalog = load_catalog()
    progress(f"planning {target.stack}")
    plan = plan_environment(read_environment(env), catalog)
    progress(f"running the program of {target.stack} offline")
    assessment = assess(run_program(target), rules, catalog=catalog, today=today)
    files = bundle.files(
        plan,
        assessment,
        rules,
        plan_document={"apiVersion": "inferstack/v1", "kind": "EnvironmentPlan"} | plain(plan),
        policy_document=plain(report_document(assessment.policy)),
        artifact=_artifact(target),
    )
    return assessment, files


def _artifact(target: Target) -> str:
    """The environment file as code scanning can find it: relative to the project."""
    root, file = target.project.root.resolve(), target.environment
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name


def _summary(assessment: Assessment, folder: Path, files: dict[str, str]) -> dict[str, object]:
    return {
        "version": 1,
        "environment": assessment.graph.stack,
        "blocked": assessment.blocked,
        "reasons": assessment.reasons,
        "total_monthly": assessment.bill.total,
        "resources": len(assessment.graph.managed()),
        "folder": folder,
        "files": sorted(files),
    }


def _print(assessment: Assessment, folder: Path, files: dict[str, str]) -> None:
    from inferstack.cost.text import headline
    from inferstack.policy.text import verdict_line

    click.echo(headline(assessment.bill))
    click.echo(verdict_line(assessment.policy))
    for reason in assessment.reasons:
        click.secho(f"blocked: {reason}", fg="red")
    manifests = sum(name.startswith("manifests/") for name in files)
    click.echo(f"{len(files) - manifests} files and {manifests} manifests in {folder}")
    click.echo(f"report: {folder / 'report.html'}")
