"""What a spec means where it says nothing, by task; each value with its source.

Service levels and shapes: llm-d Planner use-case presets (github.com/llm-d-incubation/llm-d-planner,
read 2026-08): TTFT/ITL targets per use case, and the benchmarked shapes 512->256, 1024->1024, 4096->512 and
10240->1536. Spread of lengths (p95 over mean): Azure LLM inference traces 2023-11, conversation (input 3.54,
output 2.14) and code (input 3.57, output 3.23), Microsoft, CC-BY 4.0 (github.com/Azure/AzurePublicDataset),
computed over all 19,366 and 8,819 requests. Embedding and reranking have no published preset: the values
are this project's judgement and say so.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

Task = Literal["chat", "code", "code-completion", "rag", "summarization", "embed", "rerank"]
TASKS: Final[tuple[Task, ...]] = (
    "chat",
    "code",
    "code-completion",
    "rag",
    "summarization",
    "embed",
    "rerank",
)

PEAK_TO_AVERAGE: Final = 2.0
"""llm-d Planner, chatbot load profile: peak multiplier 2.0."""
AVAILABILITY: Final = 0.995
"""Judgement: 3.6 hours a month; reached with one spare replica."""

STEP_DURATION: Final = dt.timedelta(minutes=10)
"""Judgement: twenty scrapes of every server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefaults:
    """Service levels in ms (None: the task has no such level) and token counts of one request."""

    ttft_p95_ms: float | None
    itl_p95_ms: float | None
    e2e_p95_ms: float | None
    input_tokens: float
    output_tokens: float
    input_p95_over_mean: float
    output_p95_over_mean: float
    source: str


_PLANNER: Final = "llm-d Planner presets; Azure LLM traces 2023"
_JUDGEMENT: Final = "judgement: no published preset"


def _generation(
    ttft_ms: float, itl_ms: float, tokens: tuple[float, float], *, code: bool = False
) -> TaskDefaults:
    return TaskDefaults(
        ttft_p95_ms=ttft_ms,
        itl_p95_ms=itl_ms,
        e2e_p95_ms=None,
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        input_p95_over_mean=3.57 if code else 3.54,
        output_p95_over_mean=3.23 if code else 2.14,
        source=_PLANNER,
    )


def _encoding(e2e_ms: float, input_tokens: float) -> TaskDefaults:
    return TaskDefaults(
        ttft_p95_ms=None,
        itl_p95_ms=None,
        e2e_p95_ms=e2e_ms,
        input_tokens=input_tokens,
        output_tokens=0,
        input_p95_over_mean=2.0,
        output_p95_over_mean=1.0,
        source=_JUDGEMENT,
    )


DEFAULTS: Final[dict[Task, TaskDefaults]] = {
    "chat": _generation(500, 50, (512, 256)),
    "code": _generation(600, 45, (1024, 1024), code=True),
    "code-completion": _generation(200, 35, (512, 256), code=True),
    "rag": _generation(1200, 60, (4096, 512)),
    "summarization": _generation(3000, 70, (10240, 1536)),
    "embed": _encoding(500, 256),
    "rerank": _encoding(500, 512),
}

CATALOG_TASKS: Final[dict[str, Task]] = {
    "chat": "chat",
    "math": "chat",
    "code": "code",
    "embedding": "embed",
    "reranker": "rerank",
}
"""The catalog's name of a model's task, as the task of a spec."""
