"""`rollout.traffic` in a workload's file, changed in place: one scalar, and not a byte beside it."""

from __future__ import annotations

from typing import Final

import yaml

from inferstack.errors import InputError, Problem

KEY: Final = ("rollout", "traffic")


def with_traffic(text: str, percent: int, *, file: str) -> str:
    """``text`` with another percentage; where the key is missing it is put beside ``replaces``."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    rollout = _value(root, KEY[0])
    if not isinstance(rollout, yaml.MappingNode):
        raise InputError(Problem(message="no rollout section to change", file=file, path="rollout"))
    present = _value(rollout, KEY[1])
    if present is not None:
        return _between(text, present.start_mark.index, present.end_mark.index, str(percent))
    beside = _value(rollout, "replaces")
    if beside is None:
        raise InputError(Problem(message="missing", file=file, path="rollout.replaces"))
    key = _key(rollout, "replaces")
    column, end = key.start_mark.column, beside.end_mark.index
    if rollout.flow_style:
        return _between(text, end, end, f", traffic: {percent}")
    # after what follows the value on its line: a comment is of the value
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    at = line_end - 1 if text[:line_end].endswith("\r") else line_end
    newline = "\r\n" if at < line_end else "\n"
    return _between(text, at, at, f"{newline}{' ' * column}traffic: {percent}")


def _between(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _key(node: yaml.MappingNode, name: str) -> yaml.Node:
    found: yaml.Node = next(key for key, _ in node.value if key.value == name)
    return found
