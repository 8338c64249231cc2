"""How well `fit` reproduces measured vLLM start-ups: errors per family, GPU and part, in sample and cross-validated.

``python tests/accuracy/memory.py`` prints the tables as markdown; ``rows()`` returns them for other reports.
"""

from __future__ import annotations

import csv
import math
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inferstack.catalog.load import load_catalog
from inferstack.catalog.resolve import resolve_model
from inferstack.catalog.types import Accelerator
from inferstack.errors import InputError
from inferstack.sizing.memory import fit
from inferstack.sizing.types import Deployment, Fit
from inferstack.sizing.vllm_defaults import version_key

DATA = Path(__file__).parent.parent / "data" / "measurements"
FILES = ("vllm_kv_cache.csv", "vllm_memory_public.csv")
_VERSIONS = {
    # rows without a usable version: by the date of the issue or the wording of the log
    "8": "0.4.3", "9": "0.11.0", "14": "0.23.0", "15": "0.23.0", "22": "0.11.0", "64": "0.13.0",
    "78": "0.27.0", "79": "0.27.0", "28": "0.6.4", "42": "0.5.3",
}  # fmt: skip
_LAST_V0 = "0.7.3"


@dataclass(frozen=True)
class Row:
    """One measured start-up and what is predicted for it."""

    id: str
    file: str
    model: str
    family: str
    gpu: str
    engine: str
    version: str
    outcome: str
    deployment: Deployment
    predicted: Fit
    kv_tokens: int | None
    kv_gib: float | None
    weights_gib: float | None
    activation_gib: float | None
    non_torch_gib: float | None
    graph_estimated_gib: float | None
    max_concurrency: float | None
    notes: str

    @property
    def kv_error(self) -> float | None:
        """Relative error of the tokens, or of the GiB where no tokens were logged."""
        if self.kv_tokens:
            return max(self.predicted.kv_cache_tokens, 0) / self.kv_tokens - 1
        if self.kv_gib and self.kv_gib > 0:
            return max(self.predicted.kv_cache_gib_per_gpu, 0.0) / self.kv_gib - 1
        return None

    @property
    def weights_error(self) -> float | None:
        return self.predicted.weights_gib_per_gpu / self.weights_gib - 1 if self.weights_gib else None


def load() -> list[Row]:
    """Every measured row whose GPU and model are known, with its prediction."""
    found = []
    for name in FILES:
        with (DATA / name).open(newline="", encoding="utf-8") as handle:
            found += [row for raw in csv.DictReader(handle) if (row := _row(raw, name)) is not None]
    return found


def _row(raw: dict[str, str], file: str) -> Row | None:
    gpu = _gpu(raw)
    if gpu is None:
        return None
    resolved = resolve_model(raw["model"])
    version = _version(raw)
    quantization = re.sub(r"\(.*\)", "", raw["weight_quant"]).strip()
    deployment = Deployment(
        model_id=resolved.id,
        architecture=resolved.architecture,
        gpu=gpu,
        tp=int(raw["tp"]),
        pp=int(raw["pp"]),
        quantization=quantization,
        kv_cache_dtype=raw["kv_dtype"],
        gpu_memory_utilization=_number(raw["gpu_memory_utilization"]),
        max_model_len=_integer(raw["max_model_len"]),
        max_num_seqs=_integer(raw["max_num_seqs"]),
        max_num_batched_tokens=_integer(raw["max_num_batched_tokens"]),
        enforce_eager=raw["enforce_eager"] == "yes",
        expert_parallel="EP" in raw["notes"],
        vllm_version=version,
    )
    return Row(
        id=raw["id"],
        file=file,
        model=raw["model"],
        family=family(resolved.id),
        gpu=gpu.id,
        engine=raw.get("engine") or "V1",
        version=version,
        outcome=raw["outcome"],
        deployment=deployment,
        predicted=fit(deployment),
        kv_tokens=_integer(raw["kv_tokens"]),
        kv_gib=_number(raw["available_kv_gib"]),
        weights_gib=_number(raw["weights_gib_per_gpu"]),
        activation_gib=_number(raw["activation_gib"]),
        non_torch_gib=_number(raw["non_torch_gib"]),
        graph_estimated_gib=_number(raw.get("graph_estimated_gib")),
        max_concurrency=_number(raw["max_concurrency"]),
        notes=raw["notes"],
    )


def family(model_id: str) -> str:
    """``Qwen2.5``, ``Llama-3``: what is left out together in cross-validation."""
    name = model_id.rpartition("/")[2].lower().removeprefix("meta-")
    found = re.match(r"(code)?llama-?\d?|qwen[\d.]+|gemma-?\d?|deepseek-(v\d|coder|r\d)|[a-z]+", name)
    return found[0] if found else name


def _version(raw: dict[str, str]) -> str:
    found = re.search(r"\d+\.\d+(\.\d+)?", raw["vllm_version"])
    version = _VERSIONS.get(raw["id"]) or (found[0] if found else _LAST_V0)
    if raw.get("engine") == "V0" and version_key(version) >= (0, 8):
        return _LAST_V0
    return version


def _gpu(raw: dict[str, str]) -> Accelerator | None:
    """The GPU of the row; unnamed ones by the memory that CUDA reported."""
    catalog = load_catalog()
    name = raw["gpu"].partition(" + ")[2] or raw["gpu"]
    total = re.search(r"total(?:_gib=| )([\d.]+)", raw["notes"])
    try:
        return catalog.accelerator(name)
    except InputError:
        if total is None:
            return None
    size = float(total[1])
    stand_ins = {22: "A10G", 23: "RTX-3090", 24: "RTX-4090", 44: "L40S", 79: "H100", 21: "RTX-2080-Ti-22GB"}
    closest = catalog.accelerator(stand_ins[round(size - 0.2)])
    return closest.model_copy(update={"cuda_memory_gib": size})


def _number(text: str | None) -> float | None:
    return float(text) if text else None


def _integer(text: str | None) -> int | None:
    return int(float(text)) if text else None


def with_prediction(row: Row, predicted: Fit) -> Row:
    return replace(row, predicted=predicted)


# --- summaries ---

_UNKNOWN_SETTINGS = {
    "6": "utilization not shown",
    "29": "utilization not shown",
    "30": "utilization not shown",
    "9": "version unknown; 64,000 batched tokens",
    "14": "speculative decoding (MTP 3) and version unknown",
    "15": "speculative decoding (MTP 3) and version unknown",
    "64": "two different GPUs; tokens are those of the smaller",
    "68": "custom build with a draft model; shape partly inferred",
}
"""Rows of vllm_kv_cache.csv whose settings the deployment cannot express, with the reason."""


def is_stated(row: Row) -> bool:
    """Whether everything that the prediction needs is known of the row."""
    return row.file != FILES[0] or row.id not in _UNKNOWN_SETTINGS


def kv_errors(rows: Iterable[Row]) -> list[float]:
    """Sorted absolute relative errors of the KV cache of rows that started."""
    return sorted(abs(row.kv_error) for row in rows if row.outcome == "ok" and row.kv_error is not None)


def weight_errors(rows: Iterable[Row]) -> list[float]:
    return sorted(abs(row.weights_error) for row in rows if row.weights_error is not None)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the sorted ``values`` lie (nearest rank)."""
    return values[max(0, math.ceil(share * len(values)) - 1)] if values else math.nan


def missed_refusals(rows: Iterable[Row]) -> list[Row]:
    """Rows that ran out of memory, or were too long, and are predicted to fit."""
    return [row for row in rows if row.outcome != "ok" and row.predicted.fits]


def false_refusals(rows: Iterable[Row]) -> list[Row]:
    """Rows that started and are predicted not to."""
    return [row for row in rows if row.outcome == "ok" and not row.predicted.fits]


def _line(name: str, rows: Sequence[Row]) -> str:
    kv, weights = kv_errors(rows), weight_errors(rows)
    cells = [name, str(len(kv)), _percent(quantile(kv, 0.5)), _percent(quantile(kv, 0.9))]
    cells += [str(len(weights)), _percent(quantile(weights, 0.5)), _percent(quantile(weights, 0.9))]
    refused = [row for row in rows if row.outcome != "ok"]
    cells.append(f"{len(refused) - len(missed_refusals(rows))} of {len(refused)}" if refused else "")
    return f"| {' | '.join(cells)} |"


def _percent(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1%}"


_HEAD = (
    "| rows | KV n | KV median | KV p90 | weights n | weights median | weights p90 | refusals foreseen |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def tables(rows: Sequence[Row], cross: Sequence[Row]) -> str:
    """Markdown: by source and engine, by family, by GPU, and the largest errors with their cause."""
    v1 = [row for row in cross if row.engine == "V1"]
    first = [row for row in v1 if row.file == FILES[0]]
    parts = ["### KV cache and weights, each family predicted by constants found without it", "", _HEAD]
    parts += [
        _line("all V1", v1),
        _line("V1, published logs", first),
        _line("V1, published logs, all settings stated", [row for row in first if is_stated(row)]),
        _line("V1, H100 sweep and others", [row for row in v1 if row.file != FILES[0]]),
        _line("V0 (before 0.8)", [row for row in cross if row.engine == "V0"]),
        _line("all V1, in sample", [row for row in rows if row.engine == "V1"]),
    ]
    for title, key in (("By family (V1)", "family"), ("By GPU (V1)", "gpu")):
        parts += ["", f"### {title}", "", _HEAD]
        names = sorted({getattr(row, key) for row in v1})
        parts += [_line(name, [row for row in v1 if getattr(row, key) == name]) for name in names]
    parts += ["", "### Largest errors (V1)", "", "| row | model | GPU | vLLM | KV error | cause |"]
    parts += ["| --- | --- | --- | --- | --- | --- |"]
    worst = sorted(
        (r for r in v1 if r.outcome == "ok" and r.kv_error is not None), key=lambda r: -abs(r.kv_error or 0)
    )
    for row in worst[:12]:
        cause = _UNKNOWN_SETTINGS.get(row.id, "") if row.file == FILES[0] else ""
        parts.append(
            f"| {row.id} | {row.model} | {row.gpu} | {row.version} | {row.kv_error:+.1%} | {cause} |"
        )
    return "\n".join(parts)


def main() -> None:
    from tests.accuracy.memory_fit import cross_validated

    rows = load()
    print(tables(rows, cross_validated(rows)))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
