"""Ollama: the same weights in Ollama's quantization, under the workload's name."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from inferstack.errors import InputError, Problem
from inferstack.local.model import DATA
from inferstack.local.text import head
from inferstack.local.types import LocalFile, LocalModel
from inferstack.plain_yaml import read_yaml
from inferstack.spec.accepted import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

ADDRESS = "http://127.0.0.1:11434/v1"


@functools.cache
def tags() -> Mapping[str, str]:
    """Catalog id to tag."""
    table: dict[str, Any] = read_yaml(DATA / "ollama.yaml")
    found: dict[str, str] = table["tags"]
    return found


def ollama_files(model: LocalModel) -> tuple[LocalFile, ...]:
    """InputError, with the nearest model that has one, where Ollama's library holds no such weights."""
    tag = tags().get(model.model_id)
    if tag is None:
        raise InputError(
            Problem(
                message=f"Ollama's library holds no {model.model_id} that is known here",
                path="model.id",
                did_you_mean=f"--model {near}" if (near := nearest(model.model_id, tags())) else None,
                accepted="--target compose, or --model with one of: " + ", ".join(sorted(tags())),
            )
        )
    commands = (
        "answers differ from the fleet's: Ollama's own quantization, templates and parsers",
        f"ollama pull {tag}",
        f"ollama create {model.workload} -f Modelfile",
        f"then {ADDRESS} answers as {model.workload}",
    )
    comments = "".join(f"# {line}\n" for line in head(model, *commands))
    return (LocalFile(name="Modelfile", text=f"{comments}FROM {tag}\nPARAMETER num_ctx {model.context}\n"),)
