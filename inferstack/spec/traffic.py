"""How much is asked of a workload, and how it is spread over the day and over requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from inferstack.spec.base import Section
from inferstack.spec.identifiers import PathText
from inferstack.spec.quantities import Number, conflict

Tokens = Annotated[Number, Field(ge=0, le=10_000_000)]
VOLUMES = ("requestsPerDay", "tokensPerDay", "peakRequestsPerSecond")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummary:
    """What a trace says: rates over its span, tokens per request."""

    requests: int
    duration_s: float
    peak_to_average: float
    input_mean: float
    input_p95: float
    output_mean: float
    output_p95: float


class TokenCount(Section):
    """Tokens of one request."""

    mean: Tokens
    """Mean over all requests."""
    p95: Tokens | None = None
    """95th percentile; absent: the mean times the spread of public traces for the task."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.p95 is not None and self.p95 < self.mean:
            message = f"the 95th percentile ({self.p95:g}) is below the mean ({self.mean:g})"
            raise conflict(message, "p95", "mean", accepted="p95 at or above mean")
        return self


def _tokens_shorthand(value: Any) -> Any:
    return {"mean": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


TokensField = Annotated[
    TokenCount, BeforeValidator(_tokens_shorthand, json_schema_input_type=Tokens | TokenCount)
]


class Traffic(Section):
    """How much is asked, and how it is spread. Exactly one of the three volumes."""

    requests_per_day: Annotated[Number, Field(gt=0, le=1e11)] | None = None
    """Requests on a mean day."""
    tokens_per_day: Annotated[Number, Field(gt=0, le=1e15)] | None = None
    """Input plus output tokens on a mean day."""
    peak_requests_per_second: Annotated[Number, Field(gt=0, le=1e6)] | None = None
    """Requests per second that must be served within the service levels."""
    peak_to_average: Annotated[Number, Field(ge=1, le=1000)] | None = None
    """Peak over mean request rate; absent: from `hourly` or `trace`, else 2."""
    hourly: tuple[Annotated[Number, Field(ge=0, le=1e12)], ...] | None = None
    """24 relative volumes, midnight to midnight UTC."""
    trace: PathText | None = None
    """CSV with TIMESTAMP, ContextTokens, GeneratedTokens, relative to this file."""
    input_tokens: TokensField | None = None
    """Prompt tokens; absent: by task, or from `trace`."""
    output_tokens: TokensField | None = None
    """Answer tokens; absent: by task, or from `trace`."""
    shared_prefix: Annotated[Number, Field(ge=0, le=1)] = 0.0
    """Share of prompt tokens that requests have in common (system prompt, few-shot examples)."""
    concurrency: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Requests in flight at peak, where it is known; else it follows from rate and latency."""

    _observed: TraceSummary | None = PrivateAttr(default=None)

    @property
    def observed(self) -> TraceSummary | None:
        """What `trace` says, once the file has been read."""
        return self._observed

    def with_observed(self, summary: TraceSummary, *, trace: str) -> Self:
        """This traffic with the summary of its trace file, now called ``trace``."""
        copy = self.model_copy(update={"trace": trace})
        copy._observed = summary
        return copy

    @model_validator(mode="after")
    def _one_volume_one_shape(self) -> Self:
        given = [name for name, value in zip(VOLUMES, self._volumes(), strict=True) if value is not None]
        if not given:
            raise conflict("no volume is given", *VOLUMES, accepted="exactly one of " + ", ".join(VOLUMES))
        if len(given) > 1:
            message = f"{' and '.join(given)} say the same thing twice"
            raise conflict(message, *reversed(given), accepted="exactly one of " + ", ".join(VOLUMES))
        shapes = {"peakToAverage": self.peak_to_average, "hourly": self.hourly, "trace": self.trace}
        used = [name for name, value in shapes.items() if value is not None]
        if len(used) > 1:
            accepted = "at most one of " + ", ".join(shapes)
            raise conflict(
                f"{' and '.join(used)} say the same thing twice", *reversed(used), accepted=accepted
            )
        if self.hourly is not None and (len(self.hourly) != 24 or not any(self.hourly)):
            said = f"{len(self.hourly)} values" if len(self.hourly) != 24 else "all zero"
            raise conflict(f"an hourly profile of {said}", "hourly", accepted="24 numbers, not all zero")
        if self.input_tokens is not None and self.input_tokens.mean < 1:
            raise conflict("a request has at least one prompt token", "inputTokens", accepted="1 or more")
        return self

    def _volumes(self) -> tuple[float | None, float | None, float | None]:
        return self.requests_per_day, self.tokens_per_day, self.peak_requests_per_second
