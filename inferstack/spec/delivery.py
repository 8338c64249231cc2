"""How a workload is delivered: external fallback, rollout, evaluation, engine settings."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inferstack.spec.base import Section
from inferstack.spec.identifiers import Name, PathText, RegionId, Shape
from inferstack.spec.quantities import Duration, Number, Percentage, conflict

Classification = Literal["public", "internal", "confidential", "restricted"]
FallbackProvider = Literal["bedrock", "openai", "together", "anyscale", "huggingface", "sagemaker"]
FallbackReason = Literal["overload", "error", "timeout", "rate-limit"]


class Fallback(Section):
    """An external backend for what the own replicas cannot take."""

    provider: FallbackProvider
    """Who runs it."""
    model: Annotated[str, Shape(r"\S+", "not a model name", "the provider's model name", 256)]
    """The provider's name of the model."""
    on: Annotated[tuple[FallbackReason, ...], Field(min_length=1)] = ("overload", "error")
    """When it is used."""
    max_classification: Classification = "public"
    """The most sensitive class of data that may go there."""
    region: RegionId | None = None
    """Region of the backend, for providers that have regions; absent: the environment's."""
    endpoint: (
        Annotated[str, Shape(r"https://[^\s]+", "not an https address", "https://host/path", 2048)] | None
    ) = None
    """Address of a dedicated endpoint."""
    share: Percentage | None = None
    """Share of all requests that go there even when nothing fails; absent: none."""
    after: Duration | None = None
    """Silence of the own replicas that counts as `timeout`; absent: the gateway's timeout."""

    @model_validator(mode="after")
    def _after_has_a_use(self) -> Self:
        if self.after is not None and "timeout" not in self.on:
            raise conflict(
                "has no effect unless `on` has timeout", "after", "on", accepted="on: [timeout, ...]"
            )
        if self.share is not None and not 0 < self.share < 1:
            message = "some requests must go there and some must not"
            raise conflict(message, "share", accepted="above 0% and below 100%")
        return self


class AbortOn(Section):
    """A canary that reaches any of these is rolled back."""

    error_rate: Percentage | None = None
    """Share of failed requests."""
    ttft_p95: Duration | None = Field(default=None, alias="ttftP95")
    """Time to first token, 95th percentile."""
    itl_p95: Duration | None = Field(default=None, alias="itlP95")
    """Time between tokens, 95th percentile."""

    @model_validator(mode="after")
    def _some_may_fail(self) -> Self:
        if self.error_rate is not None and not 0 < self.error_rate < 1:
            message = "no number of requests proves that none fails"
            raise conflict(message, "errorRate", accepted="above 0% and below 100%")
        return self


DEFAULT_STEPS = (5, 25, 50, 100)


class Rollout(Section):
    """How a new version takes over."""

    strategy: Literal["rolling", "blue-green", "canary"] = "rolling"
    """`canary` shifts traffic by steps, `blue-green` at once."""
    steps: tuple[Annotated[int, Field(ge=1, le=100)], ...] = DEFAULT_STEPS
    """Percent of traffic on the new version, step by step; canary only."""
    step_duration: Duration | None = None
    """Watch time per step; absent: 10 minutes."""
    abort_on: AbortOn = AbortOn()
    """What sends traffic back; absent values follow from the service levels."""
    replaces: Name | None = None
    """The workload this one takes over from: its callers reach both versions under its name."""
    traffic: Annotated[int, Field(ge=0, le=100)] | None = None
    """Percent of those callers' requests on this version now: 0, or one of `steps`."""

    @model_validator(mode="after")
    def _takes_over(self) -> Self:
        if self.replaces is None:
            if self.traffic is not None:
                message = "traffic of which workload is not said"
                raise conflict(message, "traffic", "replaces", accepted="replaces: a workload's name")
            return self
        if self.strategy == "rolling":
            message = "a rolling update takes over from its own earlier self only"
            raise conflict(message, "replaces", "strategy", accepted="strategy: canary or blue-green")
        allowed = (0, *self.steps) if self.strategy == "canary" else (0, 100)
        if self.traffic is None or self.traffic not in allowed:
            accepted = ", ".join(map(str, allowed))
            raise conflict("not a step of this rollout", "traffic", "strategy", accepted=accepted)
        return self

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        rising = all(low < high for low, high in zip(self.steps, self.steps[1:], strict=False))
        if not rising or not self.steps or self.steps[-1] != 100:
            raise conflict(
                "the steps do not rise to 100", "steps", accepted="rising whole percents ending with 100"
            )
        if self.strategy != "canary" and "steps" in self.model_fields_set:
            message = f"steps have no meaning for strategy {self.strategy}"
            raise conflict(message, "steps", "strategy", accepted="strategy: canary, or no steps")
        return self


class Evaluation(Section):
    """The test that gates a rollout."""

    suite: PathText
    """Suite file, relative to this file."""
    min_cases: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Fewer cases than this judge nothing."""
    pass_mark: Annotated[Number, Field(gt=0, le=1)] = 0.9
    """Share of cases that must pass."""
