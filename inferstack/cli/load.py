"""From options (flags, or one object of a batch file) to a load on a deployment; every problem at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from inferstack.cli.deployment import Requested, requested
from inferstack.cli.extras import EXTRA_OPTIONS, extras
from inferstack.errors import InputError, Problem
from inferstack.sizing.types import Load

_COUNTS: Final = ("concurrency", "replicas", "dp", "ep", "num_gpus")
_TOKENS: Final = ("input_tokens", "output_tokens", "input_tokens_p95", "output_tokens_p95")
LOAD_OPTIONS: Final = frozenset((*_COUNTS, *_TOKENS, "request_rate", "num_prompts", "shared_prefix"))
"""Names a batch object may use for a load, beside those of a deployment."""

_PROMPTS_PER_PLACE: Final = 10
_FEWEST_PROMPTS: Final = 20
_MOST_PROMPTS: Final = 200_000
"""A longer run is a steady state; playing it through would only take time."""
_SATURATION_PROMPTS: Final = 1000
"""As `vllm bench serve` sends when it is not told."""
_STEADY: Final = ("steady", "0", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A deployment, how many of it, and what they are asked."""

    requested: Requested
    load: Load
    replicas: int

    @property
    def in_words(self) -> str:
        load = self.load
        what = f"{load.input_tokens:g} tokens in, {load.output_tokens:g} out"
        if load.concurrency is not None:
            how = f"{load.concurrency:,} at a time"
        elif load.request_rate is not None and math.isinf(load.request_rate):
            how = "all at once"
        else:
            how = f"{load.request_rate:g} requests/s, Poisson"
        length = f"a run of {load.num_prompts:,} requests" if load.num_prompts else "steady state"
        prefix = f", {load.shared_prefix:.0%} of the prompt cached" if load.shared_prefix else ""
        return f"{what}, {how}: {length}{prefix}"


def asked(options: Mapping[str, Any]) -> Asked:
    """The question that ``options`` put; InputError with everything wrong in them."""
    given = {key.replace("-", "_"): value for key, value in options.items()}
    given = {key: value for key, value in given.items() if value is not None and value != ""}
    problems: list[Problem] = []
    numbers: dict[str, float] = {}
    for name in LOAD_OPTIONS & given.keys() - {"num_prompts"}:
        try:
            numbers[name] = _number(name, given[name])
        except InputError as error:
            problems += error.problems
    problems += _missing(given)
    deployment_options = {
        key: value for key, value in given.items() if key not in LOAD_OPTIONS | EXTRA_OPTIONS
    }
    dp, ep = int(numbers.get("dp", 1)), int(numbers.get("ep", 1))
    if ep > 1:
        deployment_options["expert_parallel"] = True
    found = None
    speculation, adapters = None, None
    try:
        speculation, adapters = extras(given)
    except InputError as error:
        problems += error.problems
    try:
        found = requested(deployment_options)
    except InputError as error:
        problems += error.problems
    if problems or found is None:
        raise InputError(*problems)
    shared = dp > 1 and (ep > found.deployment.tp or (ep == 1 and found.deployment.expert_parallel))
    deployment = replace(found.deployment, speculation=speculation, adapters=adapters)
    load = _load(numbers, given.get("num_prompts"))
    return Asked(
        requested=replace(found, deployment=replace(deployment, data_parallel=dp if shared else 1)),
        load=_steady(load, given.get("num_prompts")) if shared else load,
        replicas=int(numbers.get("replicas", 1)) * (1 if shared else dp),
    )


def _missing(given: Mapping[str, Any]) -> list[Problem]:
    found = [
        Problem(message="missing", path=name, accepted="a mean number of tokens")
        for name in ("input_tokens", "output_tokens")
        if name not in given
    ]
    if ("concurrency" in given) == ("request_rate" in given):
        found.append(Problem(message="give concurrency or request_rate", accepted="exactly one of them"))
    return found


def _number(name: str, value: object) -> float:
    """Counts are whole numbers from 1 on, tokens may be fractional means, the rate may be infinite."""
    try:
        number = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
        )
    except ValueError:
        number = None
    accepted = "a number"
    if name in _COUNTS:
        accepted = "a whole number, 1 or more"
        number = number if number is not None and number >= 1 and number == int(number) else None
    elif name == "request_rate":
        accepted = "requests per second above 0, or inf"
        number = number if number is not None and number > 0 else None
    elif name == "shared_prefix":
        accepted = "0 to 1"
        number = number if number is not None and 0 <= number <= 1 else None
    else:
        least = 0 if name.startswith("output") else 1
        accepted = f"{least} or more tokens"
        number = number if number is not None and least <= number < math.inf else None
    if number is None:
        raise InputError(Problem(message="out of range", path=name, value=str(value), accepted=accepted))
    return number


def _load(numbers: Mapping[str, float], prompts: object) -> Load:
    concurrency = int(numbers["concurrency"]) if "concurrency" in numbers else None
    rate = numbers.get("request_rate")
    return Load(
        input_tokens=numbers["input_tokens"],
        output_tokens=numbers["output_tokens"],
        concurrency=concurrency,
        request_rate=rate,
        num_prompts=_prompts(prompts, concurrency, rate),
        shared_prefix=numbers.get("shared_prefix", 0.0),
        input_tokens_p95=numbers.get("input_tokens_p95"),
        output_tokens_p95=numbers.get("output_tokens_p95"),
    )


def _prompts(given: object, concurrency: int | None, rate: float | None) -> int | None:
    """Requests of the run; None is the steady state."""
    if given is not None:
        if str(given).strip().lower() in _STEADY:
            return None
        return _run(int(_number("concurrency", given)))
    if concurrency is not None:
        return _run(max(_PROMPTS_PER_PLACE * concurrency, _FEWEST_PROMPTS))
    return _SATURATION_PROMPTS if rate is not None and math.isinf(rate) else None


def _steady(load: Load, prompts: object) -> Load:
    """Ranks that wait for each other are not played through: what one does depends on all others."""
    if load.num_prompts is not None and prompts is not None:
        raise InputError(
            Problem(
                path="num_prompts",
                message="data-parallel ranks that share experts are predicted in their steady state",
                value=str(prompts),
                accepted="steady, or leave it out",
            )
        )
    return replace(load, num_prompts=None)


def _run(prompts: int) -> int | None:
    return prompts if prompts <= _MOST_PROMPTS else None
