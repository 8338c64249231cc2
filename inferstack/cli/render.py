"""`inferstack render`: a workload on one machine, for those who develop against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from inferstack.cli.env import read_workload
from inferstack.cli.files import write_file
from inferstack.cli.output import emit_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferstack.local.types import LocalFile, LocalModel


@click.command(epilog="Exit codes: 0 written, 2 bad input, 3 the disk failed.")
@click.argument("workload", metavar="WORKLOAD")
@click.option(
    "--target", type=click.Choice(["compose", "ollama", "kind"]), required=True, help="What runs it."
)
@click.option(
    "--gpus", type=click.IntRange(0, 8), default=0, show_default=True, help="NVIDIA GPUs; 0: the CPU."
)
@click.option("--model", "stand_in", metavar="ID", help="Serve this model instead, under the same name.")
@click.option("--out", metavar="DIR", help="Folder to write into; default: standard output.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: model, files with their text.")
def render(
    *,
    workload: str,
    target: str,
    gpus: int,
    stand_in: str | None,
    out: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write what serves WORKLOAD (a file) on a laptop, under the name it has in the fleet.

    \b
    Examples:
      inferstack render stacks/dev/workloads/assistant.yaml --target compose > compose.yaml
      inferstack render stacks/prod-eu/workloads/chat.yaml --target kind --model Qwen/Qwen3-0.6B --out kind
      inferstack render stacks/dev/workloads/assistant.yaml --target ollama --out ollama
    """
    from inferstack.catalog.load import load_catalog
    from inferstack.local.model import local_model

    model = local_model(read_workload(workload), load_catalog(), gpus=gpus, stand_in=stand_in)
    files = _files(target, model)
    if out is not None:
        for file in files:
            write_file(Path(out) / file.name, file.text, overwrite=force)
    if as_json:
        emit_json(_document(target, model, files))
    elif out is not None:
        click.echo("\n".join(str(Path(out) / file.name) for file in files))
    else:
        click.echo(_joined(files), nl=False)


def _files(target: str, model: LocalModel) -> tuple[LocalFile, ...]:
    from inferstack.local.compose import compose_files
    from inferstack.local.kind import kind_files
    from inferstack.local.ollama import ollama_files

    return {"compose": compose_files, "ollama": ollama_files, "kind": kind_files}[target](model)


def _document(target: str, model: LocalModel, files: Sequence[LocalFile]) -> dict[str, object]:
    return {
        "version": 1,
        "target": target,
        "workload": model.workload,
        "model": model.model_id,
        "stands_in_for": model.stands_in_for,
        "notes": model.notes,
        "files": {file.name: file.text for file in files},
    }


def _joined(files: Sequence[LocalFile]) -> str:
    """One file as it is; several one after the other, each under its name."""
    if len(files) == 1:
        return files[0].text
    return "\n".join(f"# ---- {file.name}\n{file.text}" for file in files)
