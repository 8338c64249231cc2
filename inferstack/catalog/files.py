"""Reading the catalog's data files: strict YAML and JSON into the frozen types, with errors that say where.

Numbers with a point become Decimal while parsing, so that no float ever stands for money.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import ValidationError

from inferstack.catalog.types import Fact
from inferstack.errors import InputError, Problem
from inferstack.plain_yaml import LOADER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

T = TypeVar("T", bound=Fact)

_ENTRY = re.compile(
    r"^(?:- (?:id|version|name|since): (?P<id>.+?)|  aliases: \[(?P<aliases>.+)\])\s*$", re.MULTILINE
)


class _Loader(LOADER):  # type: ignore[misc]  # the base is chosen at run time: with libyaml or without
    """Safe YAML with Decimals for floats and an error for a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            keys = [key.value for key, _ in node.value]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise yaml.MarkedYAMLError(problem=f"key {twice!r} stands twice", problem_mark=node.start_mark)
        return mapping


def _decimal(loader: Any, node: yaml.ScalarNode) -> Decimal:
    return Decimal(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)


def parse_yaml(text: str, *, file: str) -> dict[str, Any]:
    """The mapping in ``text``; InputError with file and line when it is not one."""
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError(Problem(message=str(error.problem), file=file, line=line)) from error
    if not isinstance(document, dict):
        raise InputError(Problem(message="not a mapping", file=file))
    return document


def parse_json(text: str, *, file: str) -> dict[str, Any]:
    """The object in ``text``, numbers with a point as Decimal; InputError with file and line otherwise."""
    try:
        document = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise InputError(Problem(message=error.msg, file=file, line=error.lineno)) from error
    if not isinstance(document, dict):
        raise InputError(Problem(message="not an object", file=file))
    return document


@lru_cache(maxsize=128)
def read_text(path: Path) -> str:
    """The text of a data file, read once a process."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(Problem(message=f"cannot be read: {error.strerror}", file=path.name)) from error


def scan_ids(path: Path) -> dict[str, tuple[str, ...]]:
    """Ids of the entries in a YAML file with their aliases, found without parsing it.

    InputError when an id stands twice. The catalog's tests hold this equal to what parsing finds.
    """
    found: dict[str, tuple[str, ...]] = {}
    last = ""
    for match in _ENTRY.finditer(read_text(path)):
        if match["id"]:
            last = match["id"].strip("\"'")
            if last in found:
                raise InputError(Problem(message=f"{last} stands twice", file=path.name))
            found[last] = ()
        elif last:
            found[last] = tuple(alias.strip(" \"'") for alias in match["aliases"].split(","))
    return found


def read_entries(path: Path, key: str, kind: type[T], *, extra: Iterable[str] = ()) -> tuple[T, ...]:
    """All entries under ``key`` as ``kind``, each completed by the file's ``defaults``.

    InputError for every wrong entry at once: an unknown key, a missing one, a wrong type. ``extra`` names
    further top-level keys that the caller reads itself.
    """
    document = parse_yaml(read_text(path), file=path.name)
    unknown = sorted(set(document) - {"defaults", key, *extra})
    if unknown:
        raise InputError(
            Problem(message=f"unknown key {unknown[0]!r}", file=path.name, accepted=f"defaults, {key}")
        )
    return build(document.get(key) or [], kind, defaults=document.get("defaults") or {}, path=path)


def build(entries: list[Any], kind: type[T], *, defaults: Mapping[str, Any], path: Path) -> tuple[T, ...]:
    """``entries`` merged over ``defaults`` and validated; InputError with every problem found."""
    built: list[T] = []
    problems: list[Problem] = []
    for entry in entries:
        if not isinstance(entry, dict):
            problems.append(Problem(message="an entry must be a mapping", file=path.name, value=str(entry)))
            continue
        try:
            built.append(kind.model_validate({**defaults, **entry}))
        except ValidationError as error:
            problems += _problems(error, entry, path)
    if problems:
        raise InputError(*problems)
    return tuple(built)


def _problems(error: ValidationError, entry: Mapping[str, Any], path: Path) -> list[Problem]:
    name = str(next((entry[k] for k in ("id", "version", "name", "since") if k in entry), "?"))
    return [
        Problem(
            message=f"{name}: {detail['msg']}",
            file=path.name,
            line=_line_of(name, path),
            path=".".join(str(part) for part in detail["loc"]),
        )
        for detail in error.errors()
    ]


def _line_of(name: str, path: Path) -> int | None:
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.startswith("- ") and line.partition(": ")[2].strip("\"'") == name:
            return number
    return None
