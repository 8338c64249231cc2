"""Spec files to checked values. The only place of this package that opens a user's file.

Every problem of every file is found before the first is reported: one InputError holds them all, in the order
of files and lines. Paths in a workload (hfConfig, trace, suite) come out joined to the folder of its file.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel

from inferstack.errors import InputError, Problem
from inferstack.spec.accepted import Accepted
from inferstack.spec.between import check_gateway, check_workload_among
from inferstack.spec.check import MAX_FINDINGS, check
from inferstack.spec.checks import (
    Knowledge,
    check_environment,
    check_placement,
    check_scaling,
    check_workload,
)
from inferstack.spec.environment import Environment
from inferstack.spec.json_schema import Kind, schema_of
from inferstack.spec.problems import Finding, document_path, problem
from inferstack.spec.trace import read_trace
from inferstack.spec.vllm_arguments import check_vllm
from inferstack.spec.workload import Workload
from inferstack.spec.yaml_lines import MAX_BYTES, Document, decode, printable, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from inferstack.spec.yaml_lines import DocPath

M = TypeVar("M", bound=BaseModel)
ENVIRONMENT_FILE = "environment.yaml"
SUFFIXES = frozenset({".yaml", ".yml"})
KINDS = frozenset({"Workload", "Environment"})


@dataclass(frozen=True, slots=True)
class LoadedEnvironment:
    """An environment, the folder of its file, and its workloads in the order of their file names."""

    environment: Environment
    directory: Path
    workloads: tuple[Workload, ...]
    warnings: tuple[str, ...] = ()
    """What is odd but not wrong: a folder or file that is named and not there yet."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Of each workload, by its name."""


@dataclass(slots=True)
class _File(Generic[M]):
    """One file while it is checked; with problems, ``value`` may rest on stand-ins (``touched``)."""

    path: Path
    document: Document
    value: M | None
    problems: list[Problem]
    touched: frozenset[DocPath]

    def report(self, findings: Iterable[Finding]) -> None:
        """Add findings, without those that rest on stand-ins; what comes after very many is not asked for."""
        for found in islice(findings, MAX_FINDINGS):
            if not found.rests_on(self.touched):
                path = document_path(self.document.data, found.path)
                self.problems.append(problem(replace(found, path=path), self.document))

    def in_order(self) -> list[Problem]:
        """Problems by line; one per place, the YAML's own before what follows from it."""
        first: dict[tuple[int | None, str | None], Problem] = {}
        for item in self.problems:
            first.setdefault((item.line, item.path), item)
        return sorted(first.values(), key=lambda item: item.line or 0)


def load_workload(path: Path | str, *, known: Knowledge | None = None) -> Workload:
    """One workload file; names are checked where ``known`` is given. InputError holds every problem."""
    return _finished(_workload(Path(path), known))


def parse_workload(text: str, *, file: str = "workload.yaml", known: Knowledge | None = None) -> Workload:
    """A workload from text; files that it names are not opened."""
    loaded = _check(Path(file), read(text, file=file), Workload, "workload")
    _name_checks(loaded, known)
    return _finished(loaded)


def parse_environment(
    text: str, *, file: str = ENVIRONMENT_FILE, known: Knowledge | None = None
) -> Environment:
    """An environment from text, without its workloads; files that it names are not opened."""
    loaded = _check(Path(file), read(text, file=file), Environment, "environment")
    if known is not None and loaded.value is not None:
        loaded.report(check_environment(loaded.value, known))
    return _finished(loaded)


def load_environment(path: Path | str, *, known: Knowledge | None = None) -> LoadedEnvironment:
    """An environment (its file or folder) with its workloads; InputError holds the problems of all files."""
    path = Path(path)
    file = path / ENVIRONMENT_FILE if _mode(path, stat.S_ISDIR) else path
    loaded = _check(file, _open(file), Environment, "environment")
    environment = loaded.value
    if environment is None:
        raise InputError(*loaded.in_order())
    if known is not None:
        loaded.report(check_environment(environment, known))
    warnings: list[str] = []
    files = _workload_files(loaded, file.parent / environment.workloads, warnings)
    problems: list[Problem] = []
    workloads: list[_File[Workload]] = []
    for item in files:
        try:
            workloads.append(_workload(item, known))
        except InputError as error:
            problems += error.problems
    _check_together(workloads, environment, known)
    _check_between(loaded, workloads, complete=len(workloads) == len(files))
    problems += [item for workload in workloads for item in workload.in_order()]
    waivers = environment.policy.waivers
    if waivers is not None and not _mode(file.parent / waivers, stat.S_ISREG):
        warnings.append(f"policy.waivers: there is no {waivers}, so nothing is waived")
    if loaded.problems or problems:
        raise InputError(*loaded.in_order(), *problems)
    values = tuple(item.value for item in workloads if item.value is not None)
    places = {item.value.name: item.path for item in workloads if item.value is not None}
    return LoadedEnvironment(environment, file.parent, values, tuple(warnings), places)


def kind_of(path: Path | str) -> str:
    """What a file says it is, in lower case; empty where it does not say. InputError when unreadable."""
    said = _open(Path(path)).data.get("kind")
    return said.lower() if isinstance(said, str) else ""


def _finished(loaded: _File[M]) -> M:
    if loaded.problems or loaded.value is None:
        raise InputError(*loaded.in_order())
    return loaded.value


def _mode(path: Path, test: Callable[[int], bool]) -> bool:
    """Whether ``path`` is there and passes ``test``; also for names that no file can have."""
    try:
        return test(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _open(path: Path) -> Document:
    """Read one file; what is not a readable, regular file of reasonable size is an InputError."""
    file = printable(str(path), limit=1000)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise InputError(Problem(message=kind, file=file, accepted="a YAML file"))
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(Problem(message=f"cannot be read: {reason}", file=file)) from None
    return read(decode(raw, file=file), file=file)


def _check(path: Path, document: Document, model: type[M], kind: Kind) -> _File[M]:
    """A document against its model; a file of the other kind is one problem, not fifty."""
    accepted = Accepted(schema_of(kind))
    _require_kind(document, accepted)
    checked = check(document.data, model, accepted)
    problems = [*document.problems, *(problem(found, document) for found in checked.findings)]
    return _File(path, document, checked.value, problems, checked.touched)


def _require_kind(document: Document, accepted: Accepted) -> None:
    """Stop where `kind` names another kind; a missing or misspelt one is reported with the rest."""
    said, wanted = document.data.get("kind"), accepted.choices(("kind",))[0]
    if isinstance(said, str) and said in KINDS - {wanted}:
        line = document.line(("kind",))
        raise InputError(
            Problem(
                message="another kind",
                file=document.file,
                line=line,
                path="kind",
                value=said,
                accepted=wanted,
            )
        )


def _workload(path: Path, known: Knowledge | None) -> _File[Workload]:
    loaded = _check(path, _open(path), Workload, "workload")
    _name_checks(loaded, known)
    if loaded.value is not None:
        loaded.value = _with_files(loaded, loaded.value)
    return loaded


def _name_checks(loaded: _File[Workload], known: Knowledge | None) -> None:
    if loaded.value is None:
        return
    loaded.report(check_vllm(loaded.value))
    if known is not None:
        loaded.report(check_workload(loaded.value, known))


def _with_files(loaded: _File[Workload], workload: Workload) -> Workload:
    """The workload with its paths joined to the folder of its file, and its trace read."""
    folder, model, traffic = loaded.path.parent, workload.model, workload.traffic
    if model.hf_config is not None:
        if not _mode(folder / model.hf_config, stat.S_ISREG):
            loaded.report([Finding(path=("model", "hfConfig"), message="there is no such file")])
        model = model.model_copy(update={"hf_config": str(folder / model.hf_config)})
    if traffic.trace is not None:
        trace = folder / traffic.trace
        try:
            traffic = traffic.with_observed(read_trace(trace), trace=str(trace))
        except InputError as error:
            told = error.problems[0]
            place = f" (line {told.line} of the trace)" if told.line is not None else ""
            loaded.report(
                [Finding(path=("traffic", "trace"), message=told.message + place, accepted=told.accepted)]
            )
    evaluation = workload.evaluation
    if evaluation is not None:
        evaluation = evaluation.model_copy(update={"suite": str(folder / evaluation.suite)})
    return workload.model_copy(update={"model": model, "traffic": traffic, "evaluation": evaluation})


def _workload_files(loaded: _File[Environment], folder: Path, warnings: list[str]) -> list[Path]:
    """YAML files of the workload folder, by name; hidden ones are left out."""
    try:
        found = sorted(item for item in folder.iterdir() if item.suffix in SUFFIXES and item.name[0] != ".")
    except FileNotFoundError:
        warnings.append(f"workloads: there is no folder {folder.name}, so nothing is served")
        return []
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        loaded.report([Finding(path=("workloads",), message=f"not a readable folder: {reason}")])
        return []
    if not found:
        warnings.append(f"workloads: the folder {folder.name} has no .yaml file, so nothing is served")
    return found


def _check_together(
    workloads: Iterable[_File[Workload]], environment: Environment, known: Knowledge | None
) -> None:
    """Names that stand twice, and workloads that may not run where the environment is."""
    first: dict[str, str] = {}
    for loaded in workloads:
        workload = loaded.value
        if workload is None:
            continue
        if workload.name in first:
            message = f"the name is taken by {first[workload.name]}"
            loaded.report([Finding(path=("name",), message=message, accepted="a name of its own")])
        elif ("name",) not in loaded.touched:
            first[workload.name] = loaded.path.name
        if known is not None:
            loaded.report(check_placement(workload, environment, known))
        loaded.report(check_scaling(workload, environment))


def _check_between(
    loaded: _File[Environment], workloads: Sequence[_File[Workload]], *, complete: bool
) -> None:
    """Names across files; nothing is missed in a file that could not be read."""
    environment = loaded.value
    values = [item.value for item in workloads if item.value is not None]
    if environment is None or not complete or len(values) < len(workloads):
        return
    loaded.report(check_gateway(environment, values))
    for item in workloads:
        if item.value is not None:
            others = [other for other in values if other is not item.value]
            item.report(check_workload_among(item.value, others, environment))
