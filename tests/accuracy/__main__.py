"""`make accuracy`: predictions against measurements, each left out of its own fit; writes docs/accuracy.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.accuracy import aiconfigurator, memory
from tests.accuracy.held_out import Point, bias, held_out_points, inside_range, median_error, worst_tenth
from tests.accuracy.memory_fit import cross_validated
from tests.accuracy.scatter import scatter

DOCS = Path(__file__).resolve().parents[2] / "docs"
NAMES = {
    "tpot_ms": ("TPOT", "ms"),
    "ttft_ms": ("TTFT", "ms"),
    "output_tokens_per_second": ("Output tokens", "tokens/s"),
}
TARGETS = {
    ("tpot_ms", "below saturation"): 0.12,
    ("tpot_ms", "saturation"): 0.12,
    ("ttft_ms", "below saturation"): 0.30,
    ("output_tokens_per_second", "below saturation"): 0.15,
    ("output_tokens_per_second", "saturation"): 0.20,
}
FEWEST = 4
HEAD = """# Accuracy

Made by `make accuracy`; the numbers below change only when the model, its constants or the measurements do.
Measurements: `tests/data/measurements` (published runs and start-up logs, each row with its source).

## Speed

Each vLLM run is predicted by constants fitted **without its GPU and model** (all rows of that pair left out). Runs of
other engines take part in the fit with less weight and are not counted here. Error = predicted / measured - 1.
"""
IDEAS = """
### What is still badly predicted, and why

* **Many short prompts at once on Hopper** (1,024 places, 1,000 ShareGPT prompts, vLLM 0.11 and 0.13): the first tokens
  come 2 to 5 times later than predicted (Qwen3 14B, GLM 4.5 Air, DeepSeek R1 and V3.2), while the same engines with
  prompts of 2,000 tokens and more are within 20 %, and gpt-oss is too. Something costs per request, not per token; what,
  the sources do not say. Next: one traced run. GLM 4.6 FP8 on 8 H100 was even measured slower than on 8 A100.
* **Mixture of experts before vLLM V1** (Mixtral, 0.6.3, offline): twice as fast in the prediction. It was measured as
  fast on H100 as on H200, so the host held it up; one factor for the expert kernels of all generations cannot say that.
* **gpt-oss 120B on one A100**: what ran at once was more than the KV cache predicted here holds, so TPOT comes out a
  quarter too low at long prompts. Next: the start-up log of such a run.
* **GPUs with one network only** (B300, RTX 5090): left out, nothing of that GPU remains to learn from.
* **TTFT under an open load** depends on the burstiness of arrivals and on how the client counts (with or without the
  time in its own queue); the sources rarely say. Next: keep the client's kind with each row.
* **Weight-only kernels (AWQ, GPTQ, MXFP4 on Ampere)** differ most between vLLM versions: one factor a kernel is too
  few. Next: a factor by kernel generation once more rows exist.
* **MoE with expert parallelism** rests on few rows and on one imbalance factor.
* **Data-parallel ranks that share experts** are never better than "extrapolated": no run of vLLM with them is among
  the measurements. Five runs of TensorRT-LLM (DeepSeek R1, Qwen3 235B, gpt-oss 120B on H200 and B200, two to eight
  ranks) come out 18 % too low to 9 % too high, three of them within 9 %, with the memory of ranks counted as it is
  (copies of attention and dense layers, a cache each, experts over all). vLLM's exchange without further libraries
  gathers the tokens of all ranks; the same runs would be 7 to 25 % slower with it. That exchange, the wait for the
  longest rank and the agreement before each step are read off vLLM 0.33.0 or judgement
  (`inferstack/sizing/data/data_parallel.yaml`). These runs keep their older room in the fits above, as in the fit
  that ships, and are played with all ranks in step, as a batch of equal requests is; `predict` and plans use the
  steady state, where they are not. Next: runs of vLLM with `--data-parallel-size`.
* **Speculative decoding and LoRA adapters** are physics without measurements: what is checked, read and launched is
  counted, how many guesses hold comes from published acceptance lengths (`inferstack/sizing/data/speculation.yaml`),
  the launches of adapters from judgement. Such a prediction is never better than "extrapolated", and its range is
  wider. Next: runs with both, and the acceptance rate of the traffic at hand.
"""


def table(title: str, points: Sequence[Point], key: Callable[[Point], str]) -> list[str]:
    """Errors of one observable by ``key``; groups too small to say anything are put together."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(key(point), []).append(point)
    small = [name for name, group in groups.items() if len(group) < FEWEST]
    rest = [point for name in small for point in groups.pop(name)]
    rows = [row(name, group) for name, group in sorted(groups.items())]
    rows += [row(f"{len(small)} others", rest)] if rest else []
    return [
        "",
        f"**{title}**",
        "",
        "| | n | median | p90 | bias | in range |",
        "|---|---|---|---|---|---|",
        *rows,
    ]


def row(name: str, points: Sequence[Point]) -> str:
    return (
        f"| {name} | {len(points)} | {median_error(points):.1%} | {worst_tenth(points):.0%} "
        f"| {bias(points):+.0%} | {inside_range(points):.0%} |"
    )


def summary(points: Sequence[Point]) -> list[str]:
    """The promised medians, kept or not."""
    lines = ["", "| | n | median | target | kept | p90 | in range |", "|---|---|---|---|---|---|---|"]
    for (name, regime), target in TARGETS.items():
        chosen = [point for point in points if point.name == name and point.regime == regime]
        median = median_error(chosen)
        lines.append(
            f"| {NAMES[name][0]}, {regime} | {len(chosen)} | {median:.1%} | {target:.0%} "
            f"| {'yes' if median <= target else 'no'} | {worst_tenth(chosen):.0%} | {inside_range(chosen):.0%} |"
        )
    lines.append(
        f"\nInside the stated 80 % range: {inside_range(points):.0%} of {len(points)} measured numbers."
    )
    return lines


def speed(points: Sequence[Point]) -> list[str]:
    """All tables of the speed part, with a plot each; the plots are written beside the page."""
    lines = [HEAD, *summary(points)]
    folder = DOCS / "accuracy"
    folder.mkdir(exist_ok=True)
    for name, (label, unit) in NAMES.items():
        own = [point for point in points if point.name == name]
        (folder / f"{name}.svg").write_text(scatter(label, unit, own), encoding="utf-8")
        lines += ["", f"### {label}", "", f"![{label}, predicted against measured](accuracy/{name}.svg)"]
        lines += table("by load", own, lambda point: point.case.regime)
        lines += table("by GPU", own, lambda point: point.case.deployment.gpu.id)
        lines += table("by weights", own, lambda point: point.case.deployment.quantization or "native")
    return [*lines, *worst(points), *aiconfigurator.table(points), IDEAS]


def worst(points: Sequence[Point]) -> list[str]:
    """The runs that are furthest off, for whoever looks for the next idea."""
    lines = [
        "",
        "### Furthest off",
        "",
        "| run | what | measured | predicted | error |",
        "|---|---|---|---|---|",
    ]
    for point in sorted(points, key=lambda point: -abs(point.error))[:15]:
        label = NAMES[point.name][0]
        lines.append(
            f"| {point.case.id} | {label} | {point.measured:.4g} | {point.predicted:.4g} | {point.error:+.0%} |"
        )
    return lines


def main() -> None:
    """Compute, print the summary, write the page and its plots."""
    points = held_out_points()
    rows = memory.load()
    parts = [*speed(points), "\n## Memory\n", memory.tables(rows, cross_validated(rows))]
    (DOCS / "accuracy.md").write_text("\n".join(parts) + "\n", encoding="utf-8")
    print("\n".join(summary(points)))
    print(f"\nwritten: {(DOCS / 'accuracy.md').relative_to(DOCS.parent)}")


if __name__ == "__main__":
    main()
