"""How well `fit` reproduces measured vLLM start-ups: errors per family, GPU and part, in sample and cross-validated.

``python tests/accuracy/memory.py`` prints the tables as markdown; ``rows()`` returns them for other reports.
"""

from __future__ import annotations

import csv
import re
import statistics
from dataclasses import dataclass
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


def absolute_errors(rows: list[Row]) -> list[float]:
    return sorted(abs(row.kv_error) for row in rows if row.kv_error is not None)


def quantile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the sorted ``values`` lie (nearest rank)."""
    return values[min(len(values) - 1, max(0, -(-int(share * 100 * len(values)) // 100) - 1))]


def main() -> None:
    rows = load()
    for row in rows:
        p = row.predicted
        kv = f"{row.kv_error:+.1%}" if row.kv_error is not None else ""
        w = f"{row.weights_error:+.1%}" if row.weights_error is not None else ""
        print(
            f"{row.id:4} {row.engine} {row.version:7} {row.model[:38]:38} {row.gpu[:12]:12} tp{row.deployment.tp} "
            f"u{p.gpu_memory_utilization:.2f} {row.outcome:8} {'fits' if p.fits else 'NO  '} kv {kv:>8} w {w:>7} "
            f"| W {p.weights_gib_per_gpu:.2f}/{row.weights_gib} A {p.activation_gib_per_gpu:.2f}/{row.activation_gib} "
            f"N {p.non_torch_gib_per_gpu:.2f}/{row.non_torch_gib} KV {p.kv_cache_gib_per_gpu:.2f}/{row.kv_gib} "
            f"T {p.kv_cache_tokens}/{row.kv_tokens} C {p.max_concurrency:.2f}/{row.max_concurrency}"
        )
    for engine in ("V0", "V1"):
        chosen = [r for r in rows if r.engine == engine and r.outcome == "ok"]
        errors = absolute_errors(chosen)
        w = sorted(abs(r.weights_error) for r in chosen if r.weights_error is not None)
        print(
            engine,
            len(errors),
            "kv median",
            statistics.median(errors),
            "p90",
            quantile(errors, 0.9),
            "w",
            statistics.median(w),
            quantile(w, 0.9),
        )
    assert version_key("0.1.0")


if __name__ == "__main__":
    main()
