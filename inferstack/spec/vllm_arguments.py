"""`serving.vllm` against the argument list of the pinned vLLM version."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inferstack.spec.accepted import nearest
from inferstack.spec.problems import Finding
from inferstack.spec.yaml_lines import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inferstack.spec.workload import Workload
    from inferstack.spec.yaml_lines import DocPath

DATA: Final = Path(__file__).parent / "data" / "vllm_arguments.yaml"
SECTION: Final = ("serving", "vllm")


@dataclass(frozen=True, slots=True)
class ArgumentList:
    """What one vLLM version accepts."""

    version: str
    names: frozenset[str]
    reserved: Mapping[str, str]
    """Argument to where it is decided instead."""
    removed: Mapping[str, str | None]
    """Argument of earlier versions to its successor."""


@cache
def argument_list() -> ArgumentList:
    """The list that ships with the package."""
    data = read(DATA.read_text(encoding="utf-8"), file=DATA.name).data
    return ArgumentList(data["version"], frozenset(data["arguments"]), data["reserved"], data["removed"])


def check_vllm(workload: Workload) -> Iterator[Finding]:
    """Arguments that the pinned vLLM does not know, no longer knows, or that the plan sets itself."""
    for name, value in workload.serving.vllm.items():
        found = _judge(name, argument_list())
        if found is not None:
            yield found
        elif value is None:
            yield Finding(
                path=(*SECTION, name),
                message="is empty",
                accepted="a value; true for a flag",
                shows_value=False,
            )


def _judge(name: str, known: ArgumentList) -> Finding | None:
    path: DocPath = (*SECTION, name)
    if name in known.reserved:
        message = f"cannot be set here: {known.reserved[name]}"
        return Finding(path=path, message=message, shows_value=False)
    if name in known.names:
        return None
    if name in known.removed:
        message = f"no longer an argument of vLLM {known.version}: it would refuse to start"
        return Finding(path=path, message=message, did_you_mean=known.removed[name], shows_value=False)
    message = f"not an argument of vLLM {known.version}"
    if name.removeprefix("no-") in known.names:
        return Finding(
            path=path, message=message, accepted=f"{name.removeprefix('no-')}: false", shows_value=False
        )
    meant = nearest(name, known.names - known.reserved.keys())
    return Finding(path=path, message=message, did_you_mean=meant, shows_value=False)
