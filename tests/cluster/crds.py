"""Custom resource definitions from the projects' Go modules, as ``crds.yaml`` lists them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.api import Api

HERE = Path(__file__).resolve().parent
KIND = "CustomResourceDefinition"
BRIEF = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
COLLECTION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, kw_only=True)
class Module:
    path: str
    version: str
    sum: str
    files: tuple[str, ...]

    @property
    def reference(self) -> str:
        return f"{self.path}@{self.version}"


def modules() -> list[Module]:
    table = yaml.safe_load((HERE / "crds.yaml").read_text(encoding="utf-8"))
    return [Module(**{**entry, "files": tuple(entry["files"])}) for entry in table["modules"]]


def definitions(folder: Path) -> Iterator[str]:
    """All definitions as text; ``folder`` lies outside any Go module, so that exact versions are taken."""
    wanted = modules()
    found = _download([module.reference for module in wanted], folder)
    for module in wanted:
        answer = found[module.reference]
        if "Error" in answer:
            raise AssertionError(f"{module.reference}: {answer['Error']}")
        assert answer["Sum"] == module.sum, f"{module.reference} is not what was pinned: {answer['Sum']}"
        for pattern in module.files:
            files = sorted(Path(answer["Dir"]).glob(pattern))
            assert files, f"{module.reference} has no {pattern}"
            texts = (file.read_text(encoding="utf-8") for file in files)
            yield from (text for text in texts if f"\nkind: {KIND}\n" in text)


def install(api: Api, folder: Path) -> set[str]:
    """Creates all definitions; the server reads the files as they are. Their names."""
    answers = (
        api.request("POST", COLLECTION, text, content="application/yaml", accept=BRIEF)
        for text in definitions(folder)
    )
    return {str(answer["metadata"]["name"]) for answer in answers}


def _download(references: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        ["go", "mod", "download", "-json", *references],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    decoder, text, found = json.JSONDecoder(), done.stdout, {}
    while text := text.lstrip():
        answer, end = decoder.raw_decode(text)
        found[f"{answer['Path']}@{answer['Version']}"] = answer
        text = text[end:]
    missing = [reference for reference in references if reference not in found]
    assert not missing, f"go mod download said nothing of {', '.join(missing)}: {done.stderr[-2000:]}"
    return found
