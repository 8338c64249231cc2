"""Extra vLLM arguments against the pinned version: what is reserved, unknown, gone, or of the wrong type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inferstack.spec.accepted import nearest
from inferstack.spec.problems import Finding
from inferstack.spec.yaml_lines import read

if TYPE_CHECKING:
    from inferstack.spec.workload import Workload
    from inferstack.spec.yaml_lines import DocPath

DATA: Final = Path(__file__).parent / "data"
SECTION: Final = ("serving", "vllm")
FLAGS: Final = ("flag", "switch")
_WANTED: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "size": ((int,), "a whole number"),
    "text": ((str, int, float), "text"),
    "json": ((dict, str), "a section of `key: value` lines"),
    "json or text": ((dict, str), "text, or a section of `key: value` lines"),
}
"""By type: what YAML may hold, and how it is called. Text may look like a number. Of sizes, vLLM reads ``8k``
and ``8K`` as two different numbers: a spec says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """``type``: flag, switch (a flag without negation), int, float, size, text, json or ``json or text``."""

    name: str
    type: str
    choices: tuple[str | int | float, ...] = ()
    many: bool = False
    """Takes several values in a row, which a spec cannot write yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentList:
    """What one vLLM version accepts."""

    version: str
    known: Mapping[str, Argument]
    """By every name, aliases too."""
    reserved: Mapping[str, str]
    """Argument to where it is decided instead."""
    removed: Mapping[str, str | None]
    """Argument of earlier versions to its successor."""
    tool_parsers: frozenset[str]
    reasoning_parsers: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.known)


@cache
def argument_list() -> ArgumentList:
    """The list that ships with the package."""
    told, read_off = _file("vllm_arguments.yaml"), _file("vllm_snapshot.yaml")
    parsers = read_off["parsers"]
    return ArgumentList(
        version=read_off["version"],
        known=dict(_arguments(read_off["arguments"])),
        reserved=told["reserved"],
        removed=dict.fromkeys(read_off["removed"]) | told["removed"],
        tool_parsers=frozenset(parsers["tool-call"]),
        reasoning_parsers=frozenset(parsers["reasoning"]),
    )


def _file(name: str) -> dict[str, Any]:
    data: dict[str, Any] = read((DATA / name).read_text(encoding="utf-8"), file=name).data
    return data


def _arguments(table: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Argument]]:
    for name, entry in table.items():
        argument = Argument(
            name=name,
            type=entry["type"],
            choices=tuple(entry.get("choices", ())),
            many=bool(entry.get("many")),
        )
        for spelling in (name, *entry.get("aliases", ())):
            yield spelling, argument


def check_vllm(workload: Workload) -> Iterator[Finding]:
    """Arguments that the pinned vLLM does not know, no longer knows, or that the plan sets itself."""
    known = argument_list()
    yield from _parsers(workload, known)
    for name, value in workload.serving.vllm.items():
        path: DocPath = (*SECTION, name)
        found = _judge(name, known)
        if found is None and value is None:
            found = Finding(
                path=path, message="is empty", accepted="a value; true for a flag", shows_value=False
            )
        if found is None:
            found = _value(path, known.known[name], value)
        if found is not None:
            yield found


def _parsers(workload: Workload, known: ArgumentList) -> Iterator[Finding]:
    """Named parsers that this version does not have."""
    serving = workload.serving
    for key, name, names in (
        ("toolCalling", serving.tool_calling, known.tool_parsers),
        ("reasoning", serving.reasoning, known.reasoning_parsers),
    ):
        if name not in {"auto", "none", *names}:
            yield Finding(
                path=("serving", key),
                message=f"not a parser of vLLM {known.version}",
                accepted=f"auto, none, {', '.join(sorted(names))}",
                did_you_mean=nearest(name, names),
            )


def _judge(name: str, known: ArgumentList) -> Finding | None:
    path: DocPath = (*SECTION, name)
    if name in known.reserved:
        message = f"cannot be set here: {known.reserved[name]}"
        return Finding(path=path, message=message, shows_value=False)
    if name in known.names:
        return _other_name(path, known.known[name], name)
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


def _other_name(path: DocPath, argument: Argument, name: str) -> Finding | None:
    """An alias: the plan would not see it, and ``disable-x: true`` reads the wrong way round."""
    if name == argument.name:
        return None
    message = f"another name of {argument.name}"
    accepted = f"{argument.name}: false" if argument.type == "flag" else argument.name
    return Finding(path=path, message=message, accepted=accepted, shows_value=False)


def _value(path: DocPath, argument: Argument, value: Any) -> Finding | None:
    """What the command line could not hold. Values are shown: no secret is among the arguments that pass."""
    if argument.type in FLAGS:
        if isinstance(value, bool) and (value or argument.type == "flag"):
            return None
        return Finding(
            path=path, message="a flag", accepted="true" + (" or false" * (argument.type == "flag"))
        )
    if argument.many or isinstance(value, list | tuple):
        message = "takes a list, which cannot be passed here" if argument.many else "a list"
        return Finding(
            path=path, message=message, accepted=None if argument.many else _WANTED[argument.type][1]
        )
    types, wanted = _WANTED[argument.type]
    if isinstance(value, bool) or not isinstance(value, types):
        return Finding(path=path, message=f"not {wanted}", accepted=_one_of(argument) or wanted)
    if argument.choices and value not in argument.choices:
        meant = nearest(str(value), [str(choice) for choice in argument.choices])
        return Finding(
            path=path,
            message="not one of the accepted values",
            accepted=_one_of(argument),
            did_you_mean=meant,
        )
    return None


def _one_of(argument: Argument) -> str:
    return ", ".join(str(choice) for choice in argument.choices)
