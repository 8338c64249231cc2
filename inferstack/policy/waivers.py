"""Waivers: accepted exceptions with an owner, a reason and an end; an expired one fails."""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from inferstack.errors import InputError, Problem
from inferstack.policy.types import (
    Waiver,
)
from inferstack.view import Undecided, View

if TYPE_CHECKING:
    from inferstack.policy.types import Finding

KEYS = ("rule", "scope", "owner", "reason", "expires")


def waiver(view: View) -> Waiver:
    """One waiver of plain data; Undecided when a part is missing or malformed."""
    for key in view.names():
        if key not in KEYS:
            raise Undecided(f"{view.path}.{key} is not part of a waiver; accepted: {', '.join(KEYS)}")
    rule, scope, owner, reason, expires = (view.get(key) for key in KEYS)
    for key, value in zip(KEYS[:4], (rule, scope, owner, reason), strict=True):
        if not isinstance(value, str) or not value.strip():
            raise Undecided(f"{view.path}.{key} is required and must be text")
    return Waiver(
        rule=str(rule), scope=str(scope), owner=str(owner), reason=str(reason), expires=_day(view, expires)
    )


def _day(view: View, value: object) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise Undecided(f"{view.path}.expires must be a date such as 2027-03-31") from None


def waivers(views: Iterable[View]) -> tuple[Waiver, ...]:
    return tuple(waiver(view) for view in views)


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Waivers of a file (``kind: Waivers``); InputError with every problem."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(Problem(message="there is no such waivers file", file=str(path))) from None
    except OSError as error:
        raise InputError(Problem(message=f"cannot be read: {error.strerror}", file=str(path))) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(Problem(message=f"not readable as YAML: {error}", file=str(path))) from None
    if not isinstance(document, dict) or document.get("kind") != "Waivers":
        raise InputError(Problem(message="not a waivers file", file=str(path), accepted="kind: Waivers"))
    found: list[Waiver] = []
    problems: list[Problem] = []
    try:
        views = View(document).views("waivers")
    except Undecided as undecided:
        raise InputError(Problem(message=undecided.reason, file=str(path))) from None
    for view in views:
        try:
            found.append(waiver(view))
        except Undecided as undecided:
            problems.append(Problem(message=undecided.reason, file=str(path)))
    if problems:
        raise InputError(*problems)
    return tuple(found)


def check_rule_ids(accepted: Iterable[Waiver], rule_ids: Collection[str]) -> None:
    """InputError when a waiver names a rule that does not exist: it would silently waive nothing."""
    wrong = sorted({waiver.rule for waiver in accepted} - set(rule_ids))
    if wrong:
        raise InputError(
            *(
                Problem(message="no such rule in the policy pack", path="waivers.rule", value=rule)
                for rule in wrong
            )
        )


def matching(accepted: Iterable[Waiver], finding: Finding, today: dt.date) -> Waiver | None:
    """The first waiver, in file order, that covers a finding and still holds."""
    for candidate in accepted:
        if (
            candidate.rule == finding.rule
            and not candidate.expired(today)
            and _in_scope(candidate.scope, finding)
        ):
            return candidate
    return None


def _in_scope(scope: str, finding: Finding) -> bool:
    subjects = (finding.urn, finding.name, finding.workload)
    return any(subject is not None and fnmatch.fnmatchcase(subject, scope) for subject in subjects)
