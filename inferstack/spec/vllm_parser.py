"""Describes vLLM's own argument parser; needs vLLM only where it is asked for the installed one."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from importlib import metadata
from typing import Any, Final

ARGUMENTS: Final = "vllm.entrypoints.common.cli_args"
NUMBERS: Final = {"int": "int", "float": "float", "str": "text"}
SIZES: Final = ("human_readable_int", "human_readable_int_or_auto")
JSON: Final = ("loads", "parse_dataclass")


def installed_version() -> str:
    """Version of the vLLM that is installed, without importing it; ImportError where none is."""
    try:
        return metadata.version("vllm")
    except metadata.PackageNotFoundError as error:
        raise ImportError("vLLM is not installed") from error


def installed_parser() -> argparse.ArgumentParser:
    """The parser of the vLLM that is installed; ImportError where none is.

    vLLM asks for its device before it lists its arguments and refuses where it finds none: on a machine
    without a GPU it is told that the device is the processor.
    """
    platforms: Any = importlib.import_module("vllm.platforms")
    if not platforms.current_platform.device_type:
        platforms.current_platform = importlib.import_module("vllm.platforms.cpu").CpuPlatform()
    parser: argparse.ArgumentParser = importlib.import_module(ARGUMENTS).create_parser_for_docs()
    return parser


def installed_check() -> Callable[[argparse.Namespace], None]:
    """vLLM's own look at parsed arguments before it loads anything: raises TypeError or ValueError."""
    check: Callable[[argparse.Namespace], None] = importlib.import_module(
        ARGUMENTS
    ).validate_parsed_serve_args
    return check


def describe(parser: argparse.ArgumentParser) -> dict[str, dict[str, Any]]:
    """Every option by its first name without dashes: all its names, type, choices, whether it takes many."""
    found = {}
    for action in parser._actions:  # argparse has no public list of them
        names = [text.removeprefix("--") for text in action.option_strings if text.startswith("--")]
        if names and names[0] not in {"help", "version"}:
            found[names[0]] = _entry(action, names)
    return found


def _entry(action: argparse.Action, names: list[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"names": names, "type": _type(action)}
    if action.choices is not None:
        entry["choices"] = [choice for choice in action.choices if choice is not None]
    if action.nargs in {"+", "*"}:
        entry["many"] = True
    return entry


def _type(action: argparse.Action) -> str:
    if action.nargs == 0:
        return "flag" if isinstance(action, argparse.BooleanOptionalAction) else "switch"
    if "LoRA" in type(action).__name__:
        return "json"
    return _named(action.type)


def _named(function: Any) -> str:
    """What a conversion makes; vLLM wraps them to accept ``None`` and to explain errors."""
    names = {_name(inner) for inner in (function, *_wrapped(function))}
    if names & set(JSON):
        return "json"
    if "union_dict_and_str" in names:
        return "json or text"
    if names & set(SIZES):
        return "size"
    return next((NUMBERS[name] for name in ("int", "float") if name in names), "text")


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", function))


def _wrapped(function: Any) -> list[Callable[..., Any]]:
    """Functions that a closure holds, through all its layers."""
    cells = getattr(function, "__closure__", None) or ()
    inner = [cell.cell_contents for cell in cells if callable(cell.cell_contents)]
    return inner + [deeper for one in inner for deeper in _wrapped(one)]
