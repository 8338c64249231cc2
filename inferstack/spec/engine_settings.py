"""How the engine answers: speculation, structured outputs, parsers, back-pressure, recycling, arguments."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from inferstack.spec.base import Section
from inferstack.spec.identifiers import Shape
from inferstack.spec.model_ref import AdapterSource
from inferstack.spec.quantities import conflict

Parser = Annotated[
    str,
    Shape(
        r"[a-z0-9][a-z0-9_-]*", "not a parser's name", "auto, none, or a parser of vLLM: hermes", 64, "hermes"
    ),
]
Method = Literal["ngram", "mtp", "eagle3", "draft_model"]
WITH_DRAFT = ("eagle3", "draft_model")


class Speculative(Section):
    """Several tokens guessed at once and checked together: the same answers, sooner, while load is low."""

    method: Method
    """`ngram` guesses from the prompt, `mtp` with heads of the model; the others with a second model."""
    tokens: Annotated[int, Field(ge=1, le=16)] = 3
    """Tokens guessed at a time."""
    draft: AdapterSource | None = None
    """The second model: `s3://bucket/prefix` or a Hugging Face id."""

    @model_validator(mode="after")
    def _draft_where_it_is_needed(self) -> Self:
        if (self.method in WITH_DRAFT) != (self.draft is not None):
            if self.draft is None:
                raise conflict(
                    f"{self.method} needs a second model", "draft", "method", accepted="draft: a model"
                )
            message = f"{self.method} has no second model"
            raise conflict(message, "draft", "method", accepted="method: eagle3 or draft_model, or no draft")
        return self


class Serving(Section):
    """Engine settings beyond the plan's own."""

    speculative: Speculative | None = None
    """Speculative decoding; absent: none."""
    structured_outputs: Literal["auto", "xgrammar", "guidance"] | None = None
    """What keeps answers to a schema; absent: as vLLM chooses by request."""
    tool_calling: Parser = "auto"
    """Parser of tool calls: `auto` as the model needs, `none`, or one of vLLM's."""
    reasoning: Parser = "auto"
    """Parser that takes the reasoning out of answers: `auto` as the model needs, `none`, or one of vLLM's."""
    max_queued_requests: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Requests a replica keeps waiting before it answers 503; absent: what it serves in a while."""
    data_parallel: Literal["auto"] | Annotated[int, Field(ge=1, le=32)] = "auto"
    """Ranks that share the experts of a mixture, each with a KV cache of its own: a power of two, 1 for none,
    `auto` where it costs least."""
    recycle_every: Literal["6h", "12h", "1d", "7d"] | None = None
    """Restart the replicas one after another this often; absent: never."""
    vllm: dict[str, JsonValue] = Field(default_factory=dict)
    """Extra vLLM arguments without the leading dashes: `enable-chunked-prefill: true`."""

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        for field, arguments in OWN_FIELDS.items():
            stated = [name for name in arguments if name in self.vllm]
            if stated and field in self.model_fields_set:
                key = _camel(field)
                message = f"{key} says the same as vllm.{stated[0]}"
                raise conflict(message, key, f"vllm.{stated[0]}", accepted="one of them")
        return self


OWN_FIELDS = {
    "speculative": ("speculative-config", "spec-method", "spec-model", "spec-tokens"),
    "structured_outputs": ("structured-outputs-config",),
    "tool_calling": ("tool-call-parser", "enable-auto-tool-choice"),
    "reasoning": ("reasoning-parser",),
    "max_queued_requests": ("max-num-queued-reqs",),
}
"""Arguments that a field of the section stands for."""


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
