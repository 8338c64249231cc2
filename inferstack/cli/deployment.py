"""From options (flags, or one object of a batch file) to a Deployment; every problem at once."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inferstack.catalog.hf_config import architecture_from_hf_config
from inferstack.catalog.load import load_catalog
from inferstack.catalog.names import nearest, or_list
from inferstack.catalog.resolve import resolve_model
from inferstack.errors import InputError, Problem
from inferstack.sizing.types import Deployment

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture

Options = Mapping[str, Any]

_COUNTS: Final = ("tp", "pp", "dp", "max_model_len", "max_num_seqs", "max_num_batched_tokens")
_SHARES: Final = ("gpu_memory_utilization",)
_FLAGS: Final = ("enforce_eager", "expert_parallel", "nvlink")
_TEXTS: Final = ("model", "gpu", "quantization", "kv_cache_dtype", "vllm_version")
OPTIONS: Final = frozenset((*_COUNTS, *_SHARES, *_FLAGS, *_TEXTS, "hf_config"))
"""Names a batch object may use for a deployment: those of the flags, with underscores."""
_APART: Final = ("model", "gpu", "quantization")
_FIELDS: Final = {"dp": "data_parallel"}
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A deployment, and what was understood by the model's name."""

    deployment: Deployment
    architecture_of: str
    note: str | None = None


def requested(options: Options, *, also: frozenset[str] = frozenset()) -> Requested:
    """The deployment that ``options`` ask for; names in ``also`` belong to the caller.

    InputError with every unknown name, wrong type and unknown model or GPU found.
    """
    given = {key.replace("-", "_"): value for key, value in options.items()}
    given = {key: value for key, value in given.items() if value is not None and value != ""}
    problems = _unknown_names(given, also)
    values: dict[str, Any] = {}
    for key in OPTIONS & given.keys() - {"hf_config"}:
        try:
            values[key] = _value(key, given[key])
        except InputError as error:
            problems += error.problems
    values["hf_config"] = given.get("hf_config")
    if not ("model" in values or values["hf_config"]):
        problems.append(Problem(message="no model", accepted="model, or hf_config with a config.json"))
    if "gpu" not in values and "gpu" not in given:
        problems.append(Problem(message="no GPU", path="gpu", accepted="a name such as H100, L40S, A10G"))
    if problems:
        raise InputError(*problems)
    return _build(values)


def _unknown_names(given: Options, also: frozenset[str]) -> list[Problem]:
    known = OPTIONS | also
    return [
        Problem(
            message="unknown option", path=name, did_you_mean=or_list(nearest(name, sorted(known), count=1))
        )
        for name in given
        if name not in known
    ]


def _value(key: str, value: object) -> Any:
    """``value`` as the option's type; numbers may come as text."""
    if key in _FLAGS:
        flag = value if isinstance(value, bool) else _WORDS.get(str(value).strip().lower())
        if flag is None:
            raise InputError(Problem(message="not true or false", path=key, value=str(value)))
        return flag
    if key in _TEXTS:
        if not isinstance(value, str):
            raise InputError(Problem(message="not a text", path=key, value=json.dumps(value, default=str)))
        return value
    return _number(key, value)


def _number(key: str, value: object) -> int | float:
    try:
        number = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
        )
    except (ValueError, OverflowError):
        number = None
    if key in _SHARES:
        if number is None or not 0 < number <= 1:
            raise InputError(
                Problem(message="out of range", path=key, value=str(value), accepted="above 0, up to 1")
            )
        return number
    if number is None or not math.isfinite(number) or number < 1 or number != int(number):
        raise InputError(
            Problem(message="not a whole number", path=key, value=_short(value), accepted="1 or more")
        )
    return int(number)


def _short(value: object, longest: int = 40) -> str:
    text = str(value)
    return text if len(text) <= longest else text[:longest] + "…"


def _build(values: dict[str, Any]) -> Requested:
    catalog = load_catalog()
    problems: list[Problem] = []
    gpu = None
    try:
        gpu = catalog.accelerator(values["gpu"])
    except InputError as error:
        problems += error.problems
    try:
        shape = _shape(values.get("model"), values.pop("hf_config"))
    except InputError as error:
        problems += error.problems
    if problems or gpu is None:
        raise InputError(*problems)
    architecture, name, note, quantization = shape
    fields = {_FIELDS.get(key, key): value for key, value in values.items() if key not in _APART}
    asked = values.get("quantization")
    if asked is not None and asked.strip().lower() in ("auto", "none"):
        asked = None
    deployment = Deployment(
        model_id=values.get("model") or name,
        architecture=architecture,
        gpu=gpu,
        quantization=asked or quantization,
        **fields,
    )
    return Requested(deployment=deployment, architecture_of=name, note=note)


def _shape(model: str | None, hf_config: object) -> tuple[Architecture, str, str | None, str | None]:
    """Architecture, whose it is, a note, and the quantization that the name speaks of."""
    if hf_config:
        config = read_config(hf_config)
        named = model or str(config.get("_name_or_path") or "the given config.json")
        file = None if isinstance(hf_config, Mapping) else str(hf_config)
        return architecture_from_hf_config(config, file=file), named, None, None
    assert model is not None
    resolved = resolve_model(model)
    return resolved.architecture, resolved.id, resolved.note, resolved.quantization


def read_config(source: object) -> Mapping[str, Any]:
    """A model's config: the object itself, or the path of its ``config.json``."""
    if isinstance(source, Mapping):
        return source
    path = Path(str(source))
    path = path / "config.json" if os.path.isdir(path) else path  # noqa: PTH112 - Path.is_dir raises for names that no folder can have
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            Problem(message=f"cannot be read: {error.strerror}", file=_short(path, 200))
        ) from error
    except (RecursionError, ValueError) as error:  # ValueError: not JSON, not UTF-8, no name of a file
        line = getattr(error, "lineno", None)
        raise InputError(Problem(message="not JSON", file=_short(path, 200), line=line)) from error
    if not isinstance(config, dict):
        raise InputError(Problem(message="not an object", file=str(path)))
    return config
