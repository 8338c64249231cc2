"""Fits the performance model's constants and writes ``inferstack/sizing/data/performance.json``.

``python -m tests.accuracy.fit_performance [rounds]`` starts from the shipped constants (``--prior``: from the
priors), minimises a robust distance to the measured runs plus the distance to the priors (Gauss-Newton on the
logarithms), and cross-validates by leaving one GPU and model out at a time. numpy only; some minutes on two cores.

Every constant has a prior: the value an engineer would guess, and how far (as a factor exp(sd)) it may move. The
corrections of single GPUs and engine generations have narrow priors around 1, which shrinks them to the common
value unless several measurements ask for more.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inferstack.sizing.basis import shape_key
from inferstack.sizing.constants import DATA, Constants, constants_from
from inferstack.sizing.kernels import kernel_of
from inferstack.sizing.weight_formats import Part
from tests.accuracy.serving import Case, answer, cases

Vector = npt.NDArray[np.float64]

OUT = DATA / "performance.json"
STUDENT = 3.0
"""Degrees of freedom of the errors: rows that do not fit at all pull little."""
WIDTH = 0.6
"""All priors' widths times this; chosen by cross-validation among 0.6, 1, 1.5."""
SIGMA = {"output_tokens_per_second": 0.13, "ttft_ms": 0.3, "tpot_ms": 0.10}
"""What a good model errs by, as a logarithm."""
OBSERVABLES = tuple(SIGMA)
SECONDARY = 1.5
"""Factor on the errors of other engines, and of rates that concurrency and latency imply."""
STEP = 0.05


@dataclass(frozen=True)
class Prior:
    """A constant's path in the document, the value expected, and the logarithmic width around it."""

    path: str
    value: float
    width: float


def _priors() -> tuple[Prior, ...]:
    table: list[tuple[str, float, float]] = [
        ("bandwidth", 0.85, 0.06), ("sharpness", 1.3, 0.2),
        ("attention_bandwidth", 0.85, 0.15), ("attention_compute", 0.45, 0.25),
        ("sinks_compute", 0.5, 0.5), ("mla_bandwidth", 0.6, 0.4),
        ("layer_us", 45, 0.25), ("mla_layer_us", 20, 0.5), ("prefill_layer_us", 40, 0.5),
        ("rejoin_steps", 0.5, 0.5), ("routing_spread", 0.8, 0.2), ("expert_parallel_imbalance", 1.1, 0.1),
        ("nvlink.latency_us", 9, 0.3), ("nvlink.fraction", 0.5, 0.3),
        ("peer.latency_us", 12, 0.4), ("peer.fraction", 0.6, 0.4),
        ("pcie.latency_us", 9, 0.4), ("pcie.fraction", 0.3, 0.4),
    ]  # fmt: skip
    for name, bandwidth, compute in (
        ("bf16", 1.0, 0.5), ("fp8", 0.95, 0.5), ("w8", 0.9, 0.4), ("w4", 0.88, 0.5),
        ("mx4", 0.85, 0.45), ("fp4", 0.85, 0.38), ("int8", 0.9, 0.45),
    ):  # fmt: skip
        table.append((f"kernels.{name}.bandwidth", bandwidth, 1e-4 if name == "bf16" else 0.12))
        table.append((f"kernels.{name}.compute", compute, 0.25))
    for name, bandwidth, compute, layer_us in (
        ("bf16", 0.85, 0.3, 25), ("fp8", 0.65, 0.22, 40), ("w8", 0.7, 0.2, 40), ("w4", 0.8, 0.28, 45),
        ("mx4", 0.8, 0.28, 25), ("fp4", 0.85, 0.2, 20), ("int8", 0.7, 0.22, 40),
    ):  # fmt: skip
        table.append((f"experts.{name}.bandwidth", bandwidth, 0.2))
        table.append((f"experts.{name}.compute", compute, 0.3))
        table.append((f"experts.{name}.layer_us", layer_us, 0.5))
    for gpu in sorted({case.deployment.gpu.id for case in cases()}):
        # the data sheets of these two state rates that their own tensor cores exceed
        table.append((f"gpus.{gpu}.compute", 1.0, 0.3 if gpu in ("A10G", "RTX-4090") else 0.15))
        table.append((f"gpus.{gpu}.bandwidth", 1.0, 0.07))
        table.append((f"gpus.{gpu}.launch", 1.0, 0.08))
    for name, step_ms, sequence_us, launch, compute, request_ms, frontend_ms in (
        ("vllm-v0", 2.0, 25, 1.1, 0.9, 15, 2), ("vllm-v1", 1.0, 25, 1.05, 0.9, 25, 3),
        ("vllm-v2", 0.6, 10, 0.95, 1.0, 20, 3), ("trtllm", 0.5, 5, 1.0, 1.0, 10, 1),
        ("sglang", 0.5, 8, 1.0, 0.9, 12, 1),
    ):  # fmt: skip
        own = f"engines.{name}"
        table += [
            (f"{own}.step_ms", step_ms, 0.5), (f"{own}.sequence_us", sequence_us, 0.5),
            (f"{own}.launch", launch, 0.12), (f"{own}.compute", compute, 1e-3 if name == "vllm-v2" else 0.15),
            (f"{own}.request_ms", request_ms, 0.5), (f"{own}.frontend_ms", frontend_ms, 0.7),
            (f"{own}.activation_share", *((0.5, 0.4) if name == "vllm-v1" else (1.0, 1e-4))),
        ]  # fmt: skip
    return tuple(Prior(path, float(value), width * WIDTH) for path, value, width in table)


PRIORS = _priors()
CENTRE: Vector = np.log([prior.value for prior in PRIORS])
WIDTHS: Vector = np.array([prior.width for prior in PRIORS])


def document_of(x: Vector) -> dict[str, Any]:
    """Constants in their JSON form."""
    found: dict[str, Any] = {}
    for prior, value in zip(PRIORS, x, strict=True):
        *path, last = prior.path.split(".")
        place = found
        for key in path:
            place = place.setdefault(key, {})
        place[last] = float(f"{math.exp(value):.4g}")
    return found


def vector_of(document: dict[str, Any]) -> Vector:
    """The inverse; constants that the document lacks stand at their prior."""
    values = []
    for prior in PRIORS:
        place: Any = document
        for key in prior.path.split("."):
            place = place.get(key, {}) if isinstance(place, dict) else {}
        values.append(math.log(place) if isinstance(place, int | float) else math.log(prior.value))
    return np.array(values)


def _constants(x: Vector) -> Constants:
    return constants_from(document_of(x))


# --- observations ---


@dataclass(frozen=True)
class Observation:
    """One measured number of one case, and the error it is weighed by."""

    case: int
    name: str
    value: float
    sigma: float


def observations() -> tuple[Observation, ...]:
    found = []
    for index, case in enumerate(cases()):
        measured = case.measured()
        for name, value in measured.items():
            sigma = SIGMA[name] / math.sqrt(case.trust)
            if not case.is_vllm or (name == OBSERVABLES[0] and "tpot_ms" in measured and not case.saturated):
                sigma *= SECONDARY
            found.append(Observation(index, name, value, sigma))
    return tuple(found)


SEEN = observations()
SIGMAS: Vector = np.array([seen.sigma for seen in SEEN])


def _matters(case: Case) -> list[int]:
    """Constants that can move a case's answer."""
    architecture, gpu = case.deployment.architecture, case.deployment.gpu
    dense = {kernel_of(case.deployment, part).name for part in Part if part is not Part.EXPERT}
    expert = kernel_of(case.deployment, Part.EXPERT).name if architecture.moe else None
    alone = case.deployment.tp * case.data_parallel == 1
    rules: dict[str, Callable[[str], bool]] = {
        "kernels": lambda name: name in dense,
        "experts": lambda name: name == expert,
        "gpus": lambda name: name == gpu.id,
        "engines": lambda name: name == case.engine,
        "nvlink": lambda _: not alone and gpu.nvlink_gb_per_s_bidirectional > 0,
        "peer": lambda _: not alone and gpu.nvlink_gb_per_s_bidirectional == 0,
        "pcie": lambda _: not alone and gpu.nvlink_gb_per_s_bidirectional == 0,
        "routing_spread": lambda _: expert is not None,
        "expert_parallel_imbalance": lambda _: case.deployment.expert_parallel,
        "mla_bandwidth": lambda _: architecture.mla is not None,
        "mla_layer_us": lambda _: architecture.mla is not None,
        "sinks_compute": lambda _: "sink" in architecture.attention,
        "rejoin_steps": lambda _: case.load.concurrency is not None,
    }
    found = []
    for index, prior in enumerate(PRIORS):
        head, _, rest = prior.path.partition(".")
        rule = rules.get(head)
        if prior.width > 1e-3 and (rule is None or rule(rest.partition(".")[0])):
            found.append(index)
    return found


def _values(job: tuple[int, Vector]) -> dict[str, float]:
    index, x = job
    return answer(cases()[index], _constants(x))


def _slopes(job: tuple[int, Vector]) -> tuple[dict[str, float], dict[int, dict[str, float]]]:
    """Answer of a case, and its logarithmic derivatives by the constants that matter."""
    index, x = job
    case = cases()[index]
    slopes = {}
    for at in _matters(case):
        up, down = x.copy(), x.copy()
        up[at] += STEP
        down[at] -= STEP
        above, below = answer(case, _constants(up)), answer(case, _constants(down))
        slopes[at] = {name: (_log(above[name]) - _log(below[name])) / (2 * STEP) for name in above}
    return answer(case, _constants(x)), slopes


def _log(value: float) -> float:
    return math.log(max(value, 1e-9))


class Workers:
    """Evaluates cases in parallel."""

    def __init__(self) -> None:
        self._pool = multiprocessing.get_context("fork").Pool(min(os.cpu_count() or 1, 8))

    def residuals(self, x: Vector) -> Vector:
        answers = self._pool.map(_values, [(index, x) for index in range(len(cases()))], chunksize=4)
        return np.array([_log(seen.value) - _log(answers[seen.case][seen.name]) for seen in SEEN])

    def linearised(self, x: Vector) -> tuple[Vector, Vector]:
        """Residuals, and the derivatives of the answers."""
        rows = self._pool.map(_slopes, [(index, x) for index in range(len(cases()))], chunksize=4)
        residuals = np.array([_log(seen.value) - _log(rows[seen.case][0][seen.name]) for seen in SEEN])
        jacobian = np.zeros((len(SEEN), len(PRIORS)))
        for at, seen in enumerate(SEEN):
            for column, slopes in rows[seen.case][1].items():
                jacobian[at, column] = slopes[seen.name]
        return residuals, jacobian

    def held_out(self, jobs: Sequence[tuple[int, Vector]]) -> list[dict[str, float]]:
        return self._pool.map(_values, jobs, chunksize=4)


# --- optimisation ---


def objective(residuals: Vector, x: Vector) -> float:
    """Negative log posterior, Student errors and Gaussian priors."""
    errors = (STUDENT + 1) * np.log1p((residuals / SIGMAS) ** 2 / STUDENT)
    return float(errors.sum() + (((x - CENTRE) / WIDTHS) ** 2).sum())


def move(residuals: Vector, jacobian: Vector, x: Vector, used: Vector, most: float = 0.4) -> Vector:
    """The step that minimises the linearised objective over the ``used`` observations."""
    step = np.zeros(len(x))
    a, r, sigma = jacobian[used], residuals[used], SIGMAS[used]
    for _ in range(8):
        left = (r - a @ step) / sigma
        weight = np.sqrt((STUDENT + 1) / (STUDENT + left**2)) / sigma
        scaled = a * weight[:, None]
        normal = scaled.T @ scaled + np.diag(1 / WIDTHS**2)
        step = np.linalg.solve(normal, scaled.T @ (r * weight) + (CENTRE - x) / WIDTHS**2)
    return np.clip(step, -most, most)


def optimise(workers: Workers, x: Vector, rounds: int) -> Vector:
    everything = np.ones(len(SEEN), dtype=bool)
    for number in range(rounds):
        residuals, jacobian = workers.linearised(x)
        step = move(residuals, jacobian, x, everything)
        before, share = objective(residuals, x), 1.0
        after = objective(workers.residuals(x + step), x + step)
        while after >= before and share > 0.1:
            share /= 2
            after = objective(workers.residuals(x + share * step), x + share * step)
        print(f"round {number + 1}: {before:.1f} -> {after:.1f} (step {share:g})", flush=True)
        if after >= before:
            break
        x = x + share * step
        if before - after < 0.5:
            break
    return x


def cross_validated(
    workers: Workers, x: Vector, residuals: Vector, jacobian: Vector, label: Callable[[Case], str]
) -> Vector:
    """Residuals of each observation by constants fitted without its label (one linearised refit a label)."""
    labels = np.array([label(cases()[seen.case]) for seen in SEEN])
    jobs = []
    for name in sorted(set(labels)):
        moved = x + move(residuals, jacobian, x, labels != name, most=0.5)
        jobs += [(index, moved) for index, case in enumerate(cases()) if label(case) == name]
    answers = dict(zip((index for index, _ in jobs), workers.held_out(jobs), strict=True))
    return np.array([_log(seen.value) - _log(answers[seen.case][seen.name]) for seen in SEEN])


# --- what is written ---


def _interval(errors: Vector) -> list[float]:
    """10th and 90th percentile of log(measured / predicted)."""
    return [round(float(np.quantile(errors, q)), 4) for q in (0.1, 0.9)]


def error_table(residuals: Vector) -> dict[str, dict[str, list[float]]]:
    """Intervals by kind of load and observable; a kind with few rows borrows from all."""
    kinds = np.array([cases()[seen.case].kind for seen in SEEN])
    names = np.array([seen.name for seen in SEEN])
    vllm = np.array([cases()[seen.case].is_vllm for seen in SEEN])
    table: dict[str, dict[str, list[float]]] = {}
    for kind in ("few", "many", "open", "saturated"):
        table[kind] = {}
        for name in OBSERVABLES:
            chosen = vllm & (names == name) & (kinds == kind)
            if chosen.sum() < 10:
                chosen = vllm & (names == name)
            table[kind][name] = _interval(residuals[chosen])
    return table


def summary(residuals: Vector) -> dict[str, dict[str, float]]:
    """Median absolute errors of vLLM rows below and at saturation."""
    found: dict[str, dict[str, float]] = {}
    for name in OBSERVABLES:
        for at in (False, True):
            chosen = [
                abs(math.exp(-residual) - 1)
                for seen, residual in zip(SEEN, residuals, strict=True)
                if seen.name == name and cases()[seen.case].is_vllm and cases()[seen.case].saturated is at
            ]
            key = "saturated" if at else "below"
            found.setdefault(name, {})[key] = round(float(np.median(chosen)), 4)
    return found


def measured_table() -> dict[str, Any]:
    """Which networks were measured on which GPU, and with which kernels."""
    shapes: dict[str, set[str]] = {}
    kernels: set[str] = set()
    for case in cases():
        if not case.is_vllm:
            continue
        architecture = case.deployment.architecture
        shapes.setdefault(case.deployment.gpu.id, set()).add(shape_key(architecture))
        kernels.add(kernel_of(case.deployment, Part.EXPERT if architecture.moe else Part.MLP).name)
    return {
        "shapes": {gpu: sorted(found) for gpu, found in sorted(shapes.items())},
        "kernels": sorted(kernels),
    }


def main(arguments: Sequence[str]) -> None:
    rounds = next((int(text) for text in arguments if text.isdigit()), 8)
    workers = Workers()
    x = CENTRE.copy()
    if "--prior" not in arguments and OUT.exists():
        x = vector_of(json.loads(OUT.read_text(encoding="utf-8"))["constants"])
    x = optimise(workers, x, rounds)
    x = vector_of(document_of(x))
    residuals, jacobian = workers.linearised(x)
    by_group = cross_validated(workers, x, residuals, jacobian, lambda case: case.group)
    by_row = cross_validated(workers, x, residuals, jacobian, lambda case: case.id)
    by_gpu = cross_validated(workers, x, residuals, jacobian, lambda case: case.deployment.gpu.id)
    document = {
        "source": "tests/data/measurements/serving_benchmarks.csv by tests/accuracy/fit_performance.py",
        "rows": len(cases()),
        "constants": document_of(x),
        "errors": {
            "measured": error_table(by_row),
            "interpolated": error_table(by_group),
            "extrapolated": error_table(by_gpu),
        },
        "median_errors": {
            "in_sample": summary(residuals),
            "one_row_left_out": summary(by_row),
            "one_gpu_and_model_left_out": summary(by_group),
            "one_gpu_left_out": summary(by_gpu),
        },
        "measured": measured_table(),
    }
    out = Path(OUT)
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    np.savez(
        os.environ.get("FIT_DUMP", os.devnull + ".npz"),
        residuals=residuals,
        by_group=by_group,
        x=x,
        jacobian=jacobian,
    ) if "FIT_DUMP" in os.environ else None
    print(json.dumps(document["median_errors"], indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
