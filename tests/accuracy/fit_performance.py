"""Fits the performance model's constants and writes ``inferstack/sizing/data/performance.json``.

``python -m tests.accuracy.fit_performance [rounds]`` starts from the shipped constants (``--prior``: from the
priors), minimises a robust distance to the measured runs plus the distance to the priors (Gauss-Newton on the
logarithms), and cross-validates by leaving one GPU and model out at a time. numpy only; some minutes on two cores.

What is expected of the constants beforehand is in ``priors``.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from inferstack.errors import InputError
from inferstack.sizing.basis import shape_key
from inferstack.sizing.constants import DATA, UNMEASURED, Constants, constants_from
from inferstack.sizing.kernels import kernel_of
from inferstack.sizing.weight_formats import Part
from tests.accuracy.priors import PRIORS
from tests.accuracy.serving import Case, answer, cases

Vector = npt.NDArray[np.float64]

OUT = DATA / "performance.json"
STUDENT = 3.0
"""Degrees of freedom of the errors: rows that do not fit at all pull little."""
SIGMA = {"output_tokens_per_second": 0.13, "ttft_ms": 0.3, "tpot_ms": 0.10}
"""What a good model errs by, as a logarithm."""
OBSERVABLES = tuple(SIGMA)
SECONDARY = 1.5
"""Factor on the errors of other engines, and of rates that concurrency and latency imply."""
STEP = 0.05
TODAY = "0.33.0"


CENTRE: Vector = np.log([prior.value for prior in PRIORS])
WIDTHS: Vector = np.array([prior.width for prior in PRIORS])


NEWEST = ("vllm-v1-late", "vllm-v1-async")


def document_of(x: Vector) -> dict[str, Any]:
    """Constants in their JSON form, with the mean of the newest two generations for later versions."""
    found = _tree_of(x)
    engines = [found["engines"][name] for name in NEWEST]
    mean = {
        key: float(f"{math.prod(engine[key] for engine in engines) ** (1 / len(engines)):.4g}")
        for key in engines[0]
    }
    found["engines"][UNMEASURED] = {**mean, "activation_share": 1.0}
    return found


def _tree_of(x: Vector) -> dict[str, Any]:
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
    return answer(cases()[index], _constants(x), as_fitted=True)


def _values_today(job: tuple[int, Vector]) -> dict[str, float]:
    """As if the case's engine were one without measurements, with today's defaults."""
    index, x = job
    case = cases()[index]
    deployment = replace(case.deployment, vllm_version=TODAY, gpu_memory_utilization=None)
    today = replace(case, engine=UNMEASURED, deployment=deployment)
    try:
        return answer(today, _constants(x), as_fitted=True)
    except InputError:  # more is reserved today than the run had to spare
        return answer(replace(today, deployment=case.deployment), _constants(x), as_fitted=True)


def _slopes(job: tuple[int, Vector]) -> tuple[dict[str, float], dict[int, dict[str, float]]]:
    """Answer of a case, and its logarithmic derivatives by the constants that matter."""
    index, x = job
    case = cases()[index]
    slopes = {}
    for at in _matters(case):
        up, down = x.copy(), x.copy()
        up[at] += STEP
        down[at] -= STEP
        above, below = (
            answer(case, _constants(up), as_fitted=True),
            answer(case, _constants(down), as_fitted=True),
        )
        slopes[at] = {name: (_log(above[name]) - _log(below[name])) / (2 * STEP) for name in above}
    return answer(case, _constants(x), as_fitted=True), slopes


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

    def held_out(self, jobs: Sequence[tuple[int, Vector]], *, today: bool) -> list[dict[str, float]]:
        return self._pool.map(_values_today if today else _values, jobs, chunksize=4)


# --- optimisation ---


@dataclass(frozen=True)
class Linearised:
    """Residuals at ``x``, and the derivatives of the answers there."""

    x: Vector
    residuals: Vector
    jacobian: Vector


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
    workers: Workers, at: Linearised, label: Callable[[Case], str], *, today: bool = False
) -> Vector:
    """Residuals of each observation by constants fitted without its label (one linearised refit a label).

    ``today``: predicted as for a version without measurements.
    """
    labels = np.array([label(cases()[seen.case]) for seen in SEEN])
    jobs = []
    for name in sorted(set(labels)):
        moved = at.x + move(at.residuals, at.jacobian, at.x, labels != name, most=0.5)
        jobs += [(index, moved) for index, case in enumerate(cases()) if label(case) == name]
    answers = dict(zip((index for index, _ in jobs), workers.held_out(jobs, today=today), strict=True))
    return np.array([_log(seen.value) - _log(answers[seen.case][seen.name]) for seen in SEEN])


# --- what is written ---

COVERAGE = (0.08, 0.92)
"""Quantiles of the stated range: a little over 80 %, since they are taken from few rows."""


def _interval(errors: Vector) -> list[float]:
    """Lower and upper quantile of log(measured / predicted)."""
    return [round(float(np.quantile(errors, q)), 4) for q in COVERAGE]


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


LABELS: dict[str, Callable[[Case], str]] = {
    "one_row_left_out": lambda case: case.id,
    "one_gpu_and_model_left_out": lambda case: case.group,
    "one_gpu_left_out": lambda case: case.deployment.gpu.id,
}
BASES = {
    "measured": "one_row_left_out",
    "interpolated": "one_gpu_and_model_left_out",
    "extrapolated": "one_gpu_left_out",
}
"""What is left out to find the errors of each basis."""


def main(arguments: Sequence[str]) -> None:
    rounds = next((int(text) for text in arguments if text.isdigit()), 8)
    workers = Workers()
    x = CENTRE.copy()
    if "--prior" not in arguments and OUT.exists():
        x = vector_of(json.loads(OUT.read_text(encoding="utf-8"))["constants"])
    x = vector_of(document_of(optimise(workers, x, rounds)))
    at = Linearised(x, *workers.linearised(x))
    left_out = {name: cross_validated(workers, at, label) for name, label in LABELS.items()}
    today = {name: cross_validated(workers, at, LABELS[name], today=True) for name in BASES.values()}
    document = {
        "source": "tests/data/measurements/serving_benchmarks.csv by tests/accuracy/fit_performance.py",
        "rows": len(cases()),
        "constants": document_of(x),
        "errors": {basis: error_table(left_out[name]) for basis, name in BASES.items()},
        "errors_of_unmeasured_versions": {basis: error_table(today[name]) for basis, name in BASES.items()},
        "median_errors": {
            "in_sample": summary(at.residuals),
            **{name: summary(residuals) for name, residuals in left_out.items()},
            "one_gpu_and_model_left_out_version_unknown": summary(today["one_gpu_and_model_left_out"]),
        },
        "measured": measured_table(),
    }
    OUT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    dump = os.environ.get("FIT_DUMP")
    if dump:
        np.savez(
            dump,
            residuals=at.residuals,
            x=x,
            jacobian=at.jacobian,
            today=today["one_gpu_and_model_left_out"],
            **left_out,
        )
    print(json.dumps(document["median_errors"], indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
