"""Which model is served: catalog id or local config, revision, quantization, adapters."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from inferstack.spec.base import Section
from inferstack.spec.defaults import Task
from inferstack.spec.identifiers import Name, PathText, Shape
from inferstack.spec.quantities import conflict

Quantization = Literal[
    "auto", "bf16", "fp16", "fp8", "int8", "awq", "gptq", "int4", "nvfp4", "mxfp4", "bitsandbytes"
]
ModelId = Annotated[
    str,
    Shape(
        r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?",
        "not a model id",
        "a Hugging Face id: meta-llama/Llama-3.3-70B-Instruct",
        200,
        example="Qwen/Qwen3-8B",
    ),
]
Revision = Annotated[
    str, Shape(r"[A-Za-z0-9][A-Za-z0-9._/-]*", "not a revision", "a commit hash, tag or branch", 100)
]
AdapterSource = Annotated[
    str,
    Shape(
        r"s3://[a-z0-9][a-z0-9.-]+/.+|[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*",
        "not an adapter source",
        "s3://bucket/prefix or a Hugging Face id",
        1024,
        example="s3://bucket/adapter",
    ),
]


class Adapter(Section):
    """A LoRA adapter served beside its base model."""

    name: Name
    """Model name that callers ask for."""
    source: AdapterSource
    """`s3://bucket/prefix` or a Hugging Face id."""
    rank: Annotated[int, Field(ge=1, le=512)] | None = None
    """LoRA rank; absent: read from the adapter at start."""


class ModelRef(Section):
    """What is served."""

    id: ModelId | None = None
    """Catalog id (a Hugging Face id)."""
    hf_config: PathText | None = None
    """A local `config.json` for a model outside the catalog, relative to this file."""
    revision: Revision | None = None
    """Commit of the weights; absent: the catalog's pinned revision."""
    quantization: Quantization = "auto"
    """`auto` lets the plan choose."""
    max_context: Annotated[int, Field(ge=128, le=20_000_000)] | None = None
    """Longest prompt + answer in tokens; absent: enough for the p95 request, at most the model's own."""
    adapters: tuple[Adapter, ...] = ()
    """LoRA adapters."""
    task: Task | None = None
    """What it is used for, which sets default service levels; absent: the catalog's task of the model."""

    @model_validator(mode="after")
    def _names_a_model(self) -> Self:
        if self.id is None and self.hf_config is None:
            raise conflict("names no model", "id", "hfConfig", accepted="id, hfConfig, or both")
        names = [adapter.name for adapter in self.adapters]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise conflict(
                f"two adapters are called {repeated[0]}", "adapters", accepted="one adapter a name"
            )
        return self


def _model_shorthand(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


ModelField = Annotated[ModelRef, BeforeValidator(_model_shorthand, json_schema_input_type=ModelId | ModelRef)]
