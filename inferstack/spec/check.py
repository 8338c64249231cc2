"""A document against its model: all errors in one go, also those that others would hide.

Validation stops early: rules between fields run only when each field is sound. So after a pass the bad parts
are taken out (or, where required, replaced by an example) and the rest is validated again; what rests on a
replaced part is not reported. The model that comes out is real only when there was no problem.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from inferstack.spec.accepted import Accepted
from inferstack.spec.problems import Finding, finding

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from inferstack.spec.yaml_lines import DocPath

M = TypeVar("M", bound=BaseModel)
MAX_PASSES: Final = 12
"""Each pass mends every error it met; deeper nesting than this has no schema."""
MAX_FINDINGS: Final = 200
"""A file with more errors in one pass is not a spec; looking for near names in it could take minutes."""


@dataclass(frozen=True, slots=True)
class Checked(Generic[M]):
    """``value`` is None when the file cannot be mended; ``touched`` are the paths it does not really have."""

    value: M | None
    findings: tuple[Finding, ...]
    touched: frozenset[DocPath]


def check(data: dict[str, Any], model: type[M], accepted: Accepted) -> Checked[M]:
    """Validate ``data`` (unchanged) as ``model``."""
    touched: set[DocPath] = set()
    findings: list[Finding] = []
    mended = data
    for _ in range(MAX_PASSES):
        try:
            value = model.model_validate(mended, by_alias=True, by_name=False)
        except ValidationError as failure:
            errors = _telling(failure.errors(include_url=False))
            found = [finding(error, mended, accepted) for error in errors[:MAX_FINDINGS]]
            findings += [item for item in found if not item.rests_on(touched)]
            if len(errors) > MAX_FINDINGS:
                more = f"and {len(errors) - MAX_FINDINGS:,} more problems"
                findings.append(Finding(path=(), message=more, shows_value=False))
                break
            mended = copy.deepcopy(mended)
            for error, item in zip(errors, found, strict=True):
                touched |= _mend(mended, error, item, accepted)
        else:
            return Checked(value, tuple(findings), frozenset(touched))
    return Checked(None, tuple(findings), frozenset(touched))


def _telling(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Errors without echoes of others: an uncalled default, a list that is short of its faulty entries."""

    def echoes(error: ErrorDetails) -> bool:
        loc = error["loc"]
        below = (
            other for other in errors if len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc
        )
        return error["type"] == "default_factory_not_called" or (error["type"] == "too_short" and any(below))

    return [error for error in errors if not echoes(error)] or errors


def _mend(data: dict[str, Any], error: ErrorDetails, found: Finding, accepted: Accepted) -> set[DocPath]:
    """Take out or replace in place what ``error`` is about; the paths that changed."""
    if error["type"] == "missing":
        return _put_example(data, found.path, accepted)
    if error["type"] != "spec_conflict":
        return _take_out(data, found.path)
    if any(_take_out(data, path) for path in found.involves):
        return set(found.involves)
    return _put_example(data, found.path, accepted)  # nothing to take out: something is lacking


def _section_of(data: dict[str, Any], path: DocPath) -> tuple[dict[str, Any], str, DocPath] | None:
    """The innermost mapping on the way to ``path``, its key there, and the path of that key."""
    node: Any = data
    found: tuple[dict[str, Any], str, DocPath] | None = None
    for index, part in enumerate(path):
        if isinstance(node, dict) and isinstance(part, str):
            found = (node, part, path[: index + 1])
            node = node.get(part)
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
    return found


def _take_out(data: dict[str, Any], path: DocPath) -> set[DocPath]:
    """Remove a key; for a list element the whole list, so that indexes keep their meaning."""
    place = _section_of(data, path)
    if place is None or place[1] not in place[0]:
        return set()
    del place[0][place[1]]
    return {place[2]}


def _put_example(data: dict[str, Any], path: DocPath, accepted: Accepted) -> set[DocPath]:
    place = _section_of(data, path)
    if place is None:
        return set()
    place[0][place[1]] = copy.deepcopy(accepted.example(place[2]))
    return {place[2]}
