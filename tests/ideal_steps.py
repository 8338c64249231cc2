"""An engine whose steps take a time that can be summed by hand."""

from __future__ import annotations

from inferstack.sizing.steptime import StepModel


class Ideal(StepModel):
    """10 ms a step, 1 ms more for every 100 prompt tokens, and ``decode_ms`` for every decoding sequence."""

    def __init__(self, *, decode_ms: float = 0.0) -> None:
        self.ranks = 1
        self.decode_ms = decode_ms

    def step_ms(
        self,
        decodes: float,
        context_sum: float,
        prefill: float = 0.0,
        prefill_context: float = 0.0,
        rank_prefill: float | None = None,
    ) -> float:
        return 10.0 + prefill / 100 + decodes * self.decode_ms
