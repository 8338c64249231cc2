"""From options to speculative decoding and LoRA adapters of a deployment; every problem at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from inferstack.catalog.resolve import resolve_model
from inferstack.errors import InputError, Problem
from inferstack.sizing.lora import ASSUMED_RANK
from inferstack.sizing.speculation import default_acceptance_rate
from inferstack.sizing.types import Adapters, Speculation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferstack.catalog.types import Architecture
    from inferstack.sizing.types import Proposer

_WHOLE: Final = {"speculative_tokens": 16, "lora_adapters": 1000, "lora_rank": 512}
"""Counts, with the most of each."""
EXTRA_OPTIONS: Final = frozenset((*_WHOLE, "acceptance_rate", "draft"))
"""Names a batch object may use for both."""
_NEEDS: Final = {
    "speculative_tokens": "draft",
    "draft": "speculative_tokens",
    "acceptance_rate": "speculative_tokens",
    "lora_rank": "lora_adapters",
}
_OWN: Final[Mapping[str, Proposer]] = {"ngram": "ngram", "mtp": "mtp", "eagle3": "eagle3"}


def extras(given: Mapping[str, Any]) -> tuple[Speculation | None, Adapters | None]:
    """Both as asked for, None where not; InputError with everything wrong."""
    problems = [
        Problem(message=f"means nothing without {needed}", path=name, accepted=f"{name} and {needed}")
        for name, needed in _NEEDS.items()
        if name in given and needed not in given
    ]
    numbers: dict[str, float] = {}
    for name in sorted(EXTRA_OPTIONS & given.keys() - {"draft"}):
        number = _number(name, given[name])
        if isinstance(number, Problem):
            problems.append(number)
        else:
            numbers[name] = number
    found = None
    try:
        found = _draft(given.get("draft"))
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(*problems)
    return _speculation(found, numbers), _adapters(numbers)


def _number(name: str, value: object) -> float | Problem:
    try:
        number = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
        )
    except (ValueError, OverflowError):
        number = None
    if name in _WHOLE:
        most = _WHOLE[name]
        good = number is not None and 1 <= number <= most and number == int(number)
        accepted = f"a whole number, 1 to {most:,}"
    else:
        good = number is not None and 0 <= number <= 1
        accepted = "0 to 1"
    if number is None or not good:
        return Problem(message="out of range", path=name, value=str(value)[:40], accepted=accepted)
    return number


def _draft(value: object) -> Speculation | None:
    """What guesses, one token at a time and at its usual rate."""
    if value is None:
        return None
    if not isinstance(value, str):
        accepted = f"{', '.join(_OWN)} or a model"
        raise InputError(
            Problem(message="not a text", path="draft", value=str(value)[:40], accepted=accepted)
        )
    method = _OWN.get(value.strip().lower(), "draft_model")
    draft = _network(value) if method == "draft_model" else None
    rate = default_acceptance_rate(method)
    return Speculation(method=method, tokens=1, acceptance_rate=rate, draft=draft)


def _network(model: str) -> Architecture:
    try:
        return resolve_model(model).architecture
    except InputError as error:
        accepted = f"{', '.join(_OWN)}, or a model of the catalog"
        problems = (replace(p, path="draft", accepted=accepted) for p in error.problems)
        raise InputError(*problems) from error


def _speculation(found: Speculation | None, numbers: Mapping[str, float]) -> Speculation | None:
    if found is None:
        return None
    return Speculation(
        method=found.method,
        tokens=int(numbers["speculative_tokens"]),
        acceptance_rate=numbers.get("acceptance_rate", found.acceptance_rate),
        draft=found.draft,
    )


def _adapters(numbers: Mapping[str, float]) -> Adapters | None:
    if "lora_adapters" not in numbers:
        return None
    return Adapters(count=int(numbers["lora_adapters"]), rank=int(numbers.get("lora_rank", ASSUMED_RANK)))
