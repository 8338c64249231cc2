"""From validation errors to problems a person can act on: file, line, path, value, what would be accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from inferstack.errors import Problem
from inferstack.spec.accepted import Accepted, nearest
from inferstack.spec.yaml_lines import DocPath, Document, dotted, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pydantic_core import ErrorDetails

SPELLINGS: Final = {"annualRevenueUsd": "annualRevenue"}
"""Keys that have a second accepted spelling."""

_MESSAGES: Final = {
    "bool_type": "not true or false",
    "dict_type": "not a section of `key: value` lines",
    "float_type": "not a number",
    "int_type": "not a whole number",
    "model_type": "not a section of `key: value` lines",
    "string_type": "not text",
    "tuple_type": "not a list",
    "greater_than": "out of range",
    "greater_than_equal": "out of range",
    "less_than": "out of range",
    "less_than_equal": "out of range",
    "literal_error": "not one of the accepted values",
    "too_short": "too few entries",
    "too_long": "too many entries",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong at ``path``; ``involves`` are all paths it judged (``path`` among them)."""

    path: DocPath
    message: str
    involves: tuple[DocPath, ...] = ()
    accepted: str | None = None
    did_you_mean: str | None = None
    shows_value: bool = True

    def rests_on(self, touched: Collection[DocPath]) -> bool:
        """Whether it judges a value that the file does not really have."""
        return any(path[: len(known)] == known for path in (self.path, *self.involves) for known in touched)


def document_path(data: object, loc: tuple[str | int, ...]) -> DocPath:
    """The path in the file for an error location; names of union branches and validators drop out."""
    path: list[str | int] = []
    node = data
    for index, part in enumerate(loc):
        if isinstance(node, dict) and isinstance(part, str):
            key = part if part in node else SPELLINGS.get(part, part)
            if key in node:
                path.append(key)
                node = node[key]
            elif index == len(loc) - 1 and part != "[key]":
                path.append(part)
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            path.append(part)
            node = node[part]
    return tuple(path)


def value_at(data: object, path: DocPath) -> Any:
    """The value at ``path``; None where there is none."""
    node: Any = data
    for part in path:
        inside = part in node if isinstance(node, dict) else isinstance(node, list) and isinstance(part, int)
        if not inside or (isinstance(node, list) and int(part) >= len(node)):
            return None
        node = node[part]
    return node


def finding(error: ErrorDetails, data: object, accepted: Accepted) -> Finding:
    """One pydantic error as a finding."""
    kind, context = error["type"], error.get("ctx", {})
    path = document_path(data, error["loc"])
    if kind == "spec_conflict":
        return _conflict(path, context)
    if kind == "spec_value":
        about_key = error["loc"][-1] == "[key]"
        return Finding(
            path=path, message=context["message"], accepted=context["accepted"], shows_value=not about_key
        )
    if kind == "missing":
        return Finding(path=path, message="is missing", accepted=accepted.words(path), shows_value=False)
    if kind == "extra_forbidden":
        return _unknown_key(path, accepted)
    value = value_at(data, path)
    if value is None:
        return Finding(path=path, message="is empty", accepted=accepted.words(path), shows_value=False)
    meant = nearest(str(value), accepted.choices(path)) if isinstance(value, str) else None
    message = _misread(kind, value) or _MESSAGES.get(kind, error["msg"])
    return Finding(path=path, message=message, accepted=accepted.words(path), did_you_mean=meant)


def _unknown_key(path: DocPath, accepted: Accepted) -> Finding:
    """A key that does not exist in its section; perhaps it is misspelt, perhaps it belongs elsewhere."""
    known, key = accepted.keys(path[:-1]), str(path[-1])
    meant = accepted.elsewhere(key) or nearest(key, known)
    listed = ", ".join(known) or None
    return Finding(path=path, message="unknown key", accepted=listed, did_you_mean=meant, shows_value=False)


def _conflict(section: DocPath, context: Mapping[str, Any]) -> Finding:
    involves = tuple((*section, *field.split(".")) for field in context["fields"])
    accepted = context["accepted"] or None
    message = context["message"]
    return Finding(path=involves[0], message=message, involves=involves, accepted=accepted, shows_value=False)


def _misread(kind: str, value: object) -> str | None:
    """Types that YAML gave a value and its author did not mean."""
    if kind == "string_type" and isinstance(value, bool):
        return "YAML reads this as a boolean; put quotes around text"
    if kind == "string_type" and isinstance(value, int | float):
        return "YAML reads this as a number; put quotes around text"
    if kind in ("int_type", "float_type", "bool_type") and isinstance(value, str) and _looks_bare(value):
        return "quotes make this text; write it without"
    return None


def _looks_bare(value: str) -> bool:
    return value in ("true", "false") or value.replace(".", "", 1).isdecimal()


def problem(found: Finding, document: Document) -> Problem:
    """The finding with its place in the file."""
    value = value_at(document.data, found.path) if found.shows_value else None
    return Problem(
        message=found.message,
        file=document.file,
        line=document.line(found.path),
        path=dotted(found.path),
        value=_shown(value, document.texts.get(found.path)),
        accepted=found.accepted,
        did_you_mean=found.did_you_mean,
    )


def _shown(value: object, text: str | None) -> str | None:
    """A value as the user wrote it, shortened."""
    if value is None:
        return None
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "a section"
    return printable(text if text is not None else f'"{value}"')
