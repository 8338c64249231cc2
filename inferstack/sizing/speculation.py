"""Speculative decoding in numbers: tokens a step yields, positions it checks, how often guesses hold.

With ``k`` guesses, each accepted with probability ``a`` if all before it were, a step yields
1 + a + ... + a^k tokens: the accepted guesses and the token that the model itself adds.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inferstack.plain_yaml import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferstack.sizing.types import Deployment, Proposer, Speculation

_DATA: Final = Path(__file__).parent / "data" / "speculation.yaml"


def tokens_per_step(speculation: Speculation | None) -> float:
    """Mean output tokens of a request in one step; 1 without speculation."""
    if speculation is None:
        return 1.0
    return _tokens(speculation.tokens, speculation.acceptance_rate)


def _tokens(guesses: int, acceptance_rate: float) -> float:
    return math.fsum(acceptance_rate**i for i in range(guesses + 1))


def positions(speculation: Speculation | None) -> int:
    """Tokens of a request that one step computes."""
    return 1 if speculation is None else speculation.tokens + 1


def proposer_of(deployment: Deployment) -> tuple[Deployment, float] | None:
    """The network whose passes make the guesses and the share of its layers that a pass runs.

    None: looked up in the prompt by the host. A trained head counts as one layer of the model it sits on.
    """
    speculation = deployment.speculation
    if speculation is None or speculation.method == "ngram":
        return None
    own = replace(deployment, pp=1, speculation=None, adapters=None)
    if speculation.draft is None:
        return own, 1 / max(deployment.architecture.num_layers, 1)
    draft = replace(own, architecture=speculation.draft, quantization=None, expert_parallel=False)
    draft = replace(draft, data_parallel=1, nodes=1)  # a copy on each rank
    return draft, 1.0


def doubt(speculation: Speculation | None) -> tuple[float, float]:
    """Logarithms by which a step may yield fewer and more tokens: some texts are easier to guess."""
    if speculation is None:
        return 0.0, 0.0
    rate, spread = speculation.acceptance_rate, acceptance_spread()
    expected = tokens_per_step(speculation)
    fewer = _tokens(speculation.tokens, max(rate - spread, 0.0))
    more = _tokens(speculation.tokens, min(rate + spread, 1.0))
    return math.log(expected / fewer), math.log(more / expected)


def default_acceptance_rate(method: Proposer) -> float:
    """Where nobody measured the traffic at hand."""
    return _table()[0][method]


def acceptance_spread() -> float:
    """How far the rate of other texts may be from the default, either way."""
    return _table()[1]


@functools.cache
def _table() -> tuple[Mapping[str, float], float]:
    document = read_yaml(_DATA)
    rates = {method: float(entry["rate"]) for method, entry in document["acceptance_rates"].items()}
    return rates, float(document["spread"]["rate"])
