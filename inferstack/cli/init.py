"""`inferstack init`: a first workload or environment file, commented and sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from inferstack.cli.env import ENVIRONMENT_FILE, STACKS, find_environment, knowledge, project_root
from inferstack.cli.files import write_file
from inferstack.cli.output import emit_json

if TYPE_CHECKING:
    from collections.abc import Callable

STACK_CONFIG = """\
config:
  inferstack:environment: {name}/environment.yaml
  pulumi:disable-default-providers: [aws, kubernetes]
"""


@click.group(invoke_without_command=False)
def init() -> None:
    """Write a first workload or environment file.

    \b
    Examples:
      inferstack init environment staging --region eu-central-1
      inferstack init workload support-chat --model Qwen/Qwen3-8B --env staging
    """


def _shared(command: Callable[..., None]) -> Callable[..., None]:
    """Options of both subcommands."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON document: written."),
        click.option("--force", is_flag=True, help="Replace a file that is there."),
        click.option("--dir", "folder", metavar="DIR", help="Folder to write into."),
    ):
        command = option(command)
    return command


@init.command("workload")
@click.argument("name")
@click.option("--model", required=True, metavar="ID", help="Catalog id: `inferstack catalog list models`.")
@click.option("--requests-per-day", type=click.IntRange(1, 10**11), default=10_000, show_default=True)
@click.option("--env", "environment", metavar="ENV", help="Write into this environment's workloads.")
@_shared
def init_workload(
    name: str,
    model: str,
    requests_per_day: int,
    environment: str | None,
    folder: str | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Write NAME.yaml: model and traffic set, everything else as comments.

    Into DIR; else the workloads of ENV; else ./workloads where ./environment.yaml is; else here.

    \b
    Example:
      inferstack init workload support-chat --model Qwen/Qwen3-8B --env dev
    """
    from inferstack.spec.load import parse_workload
    from inferstack.spec.starter import starter_workload

    target = _workload_folder(folder, environment) / f"{Path(name).name}.yaml"
    text = starter_workload(name=name, model=model, requests_per_day=requests_per_day)
    parse_workload(text, file=str(target), known=knowledge())
    write_file(target, text, overwrite=force)
    _report([target], as_json=as_json, next_step=f"inferstack validate {target}")


def _workload_folder(folder: str | None, environment: str | None) -> Path:
    if folder is not None:
        return Path(folder)
    if environment is not None:
        from inferstack.spec.load import load_environment

        file = find_environment(environment)
        return file.parent / load_environment(file).environment.workloads
    return Path("workloads") if Path(ENVIRONMENT_FILE).is_file() else Path()


@init.command("environment")
@click.argument("name")
@click.option("--region", required=True, metavar="R", help="AWS region: `inferstack catalog list regions`.")
@click.option("--account", metavar="ID", help="AWS account id, twelve digits; absent: a stand-in to replace.")
@_shared
def init_environment(
    name: str, region: str, account: str | None, folder: str | None, *, force: bool, as_json: bool
) -> None:
    """Write environment.yaml and an empty workloads folder; in a project, the stack's Pulumi file as well.

    Into DIR; else stacks/NAME of the project; else ./NAME.

    \b
    Example:
      inferstack init environment staging --region eu-central-1 --account 123456789012
    """
    from inferstack.catalog.load import load_catalog
    from inferstack.spec.environment import Cluster
    from inferstack.spec.load import parse_environment
    from inferstack.spec.starter import starter_environment

    known = knowledge()
    facts = load_catalog().region(region)
    text = starter_environment(
        name=name,
        account=account,
        region=facts.id,
        zones=min(3, len(facts.zones) or 3),
        residency=next((group for group in ("EU", facts.country) if group in facts.groups), facts.id),
        version=Cluster().version,
    )
    target, stack_file = _environment_files(name, folder)
    parse_environment(text, file=str(target), known=known)
    write_file(target, text, overwrite=force)
    written = [target]
    if stack_file is not None and not stack_file.exists():
        write_file(stack_file, STACK_CONFIG.format(name=name), overwrite=False)
        written.append(stack_file)
    (target.parent / "workloads").mkdir(exist_ok=True)
    folder_hint = target.parent / "workloads"
    _report(
        written, as_json=as_json, next_step=f"inferstack init workload NAME --model ID --dir {folder_hint}"
    )


def _environment_files(name: str, folder: str | None) -> tuple[Path, Path | None]:
    """The environment file and, inside a project, the stack's configuration file."""
    if folder is not None:
        return Path(folder) / ENVIRONMENT_FILE, None
    root = project_root()
    if root is None:
        return Path(name) / ENVIRONMENT_FILE, None
    return root / STACKS / name / ENVIRONMENT_FILE, root / STACKS / f"Pulumi.{name}.yaml"


def _report(written: list[Path], *, as_json: bool, next_step: str) -> None:
    if as_json:
        emit_json({"version": 1, "written": [str(path) for path in written]})
        return
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(f"next: {next_step}")
