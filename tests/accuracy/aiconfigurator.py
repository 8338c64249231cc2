"""NVIDIA AIConfigurator beside `predict`, on every measured vLLM closed loop that both answer.

``python -m tests.accuracy.aiconfigurator`` asks the installed ``aiconfigurator`` (0.12, from the package index, in an
environment of its own on PATH) and writes its answers to ``tests/data/measurements/aiconfigurator.json``; it says so
and does nothing where there is none. ``table()`` puts those answers beside the model's, for the accuracy page.
"""

from __future__ import annotations

import json
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from inferstack.sizing.performance import predict
from tests.accuracy.held_out import Point
from tests.accuracy.serving import FILE, Case, cases

ANSWERS = FILE.parent / "aiconfigurator.json"
SYSTEMS = {
    "A100-80GB": "a100_sxm",
    "B200": "b200_sxm",
    "B300": "b300_sxm",
    "H100": "h100_sxm",
    "H200": "h200_sxm",
    "L40S": "l40s",
}
QUANTIZATION = {
    "fp8": ("fp8", "fp8_block"),
    "awq": ("int4_wo", "int4_wo"),
    "gptq": ("int4_wo", "int4_wo"),
    "nvfp4": ("nvfp4", "nvfp4"),
}
"""Its names of dense and expert kernels by ours; none for what the checkpoint itself says."""
SAME_NETWORK = {
    "meta-llama/Llama-3.1-70B": "meta-llama/Meta-Llama-3.1-70B",
    "nvidia/Llama-3.1-8B-Instruct-FP8": "meta-llama/Meta-Llama-3.1-8B",
    "deepseek-ai/DeepSeek-R1-0528": "deepseek-ai/DeepSeek-R1",
    "QuantTrio/Qwen3-Coder-480B-A35B-Instruct-AWQ": "Qwen/Qwen3-Coder-480B-A35B-Instruct",
}
"""Names under which it carries the shape of a network; it would download the others' configuration."""
_NUMBER = r":\s+([\d,.]+)"
_SECONDS = 400


def asked() -> list[Case]:
    """Single engines in a closed loop, on GPUs it knows."""
    return [
        case
        for case in cases()
        if case.is_vllm
        and case.load.concurrency is not None
        and case.engines * case.data_parallel == 1
        and case.deployment.gpu.id in SYSTEMS
    ]


def command(case: Case) -> list[str]:
    d, load = case.deployment, case.load
    name = SAME_NETWORK.get(case.model, case.model)
    found = [
        "aiconfigurator", "cli", "estimate", "--backend", "vllm", "--model-path", name,
        "--system", SYSTEMS[d.gpu.id], "--tp-size", str(d.tp), "--pp-size", str(d.pp),
        "--isl", str(round(load.input_tokens)), "--osl", str(round(load.output_tokens)),
        "--batch-size", str(load.concurrency),
    ]  # fmt: skip
    dense, experts = QUANTIZATION.get(d.quantization or "", (None, None))
    own_label = any(word in name.lower() for word in ("fp8", "fp4", "awq", "int4", "gpt-oss"))
    if dense and experts and not own_label:
        found += ["--gemm-quant-mode", dense]
        found += ["--moe-quant-mode", experts] if d.architecture.moe else []
    if d.architecture.moe:
        found += ["--moe-tp-size", "1" if d.expert_parallel else str(d.tp)]
        found += ["--moe-ep-size", str(d.tp) if d.expert_parallel else "1"]
    return found


def answer(case: Case) -> dict[str, Any]:
    """Its TTFT and TPOT in ms and the seconds it took, or why it has none."""
    try:
        done = subprocess.run(command(case), capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"no answer in {_SECONDS} s"}
    found = {name: re.search(name + _NUMBER, done.stdout) for name in ("TTFT", "TPOT")}
    if found["TTFT"] is None or found["TPOT"] is None:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if "rror" in line]
        said = re.sub(r"\S*/site-packages/", "", lines[-1]) if lines else f"exit code {done.returncode}"
        return {"error": said.strip()[-160:]}
    ttft, tpot = (float(match[1].replace(",", "")) for match in (found["TTFT"], found["TPOT"]))
    return {"ttft_ms": ttft, "tpot_ms": tpot}


def table(points: Sequence[Point]) -> list[str]:
    """Markdown lines: both beside each other where both answer; empty without recorded answers."""
    if not ANSWERS.exists():
        return []
    document = json.loads(ANSWERS.read_text(encoding="utf-8"))
    theirs = {name: found for name, found in document["answers"].items() if "error" not in found}
    lines = [
        "",
        "### Beside AIConfigurator",
        "",
        f"{document['version']} ({document['date']}), `cli estimate`, vLLM backend, on the closed loops of one engine",
        f"that it answers ({len(theirs)} of {len(document['answers'])}, recorded in",
        "`tests/data/measurements/aiconfigurator.json`; for the others it has no data, or would download the network). Ours",
        "are the held-out predictions of the tables above; whether it has seen these runs is not known: its project",
        "published most of them.",
        "",
        "| | n | AIConfigurator median | p90 | inferstack median | p90 | inferstack is closer |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, label in (("tpot_ms", "TPOT"), ("ttft_ms", "TTFT")):
        both = [point for point in points if point.name == name and point.case.id in theirs]
        other = [abs(theirs[point.case.id][name] / point.measured - 1) for point in both]
        own = [abs(point.error) for point in both]
        closer = sum(ours < its for ours, its in zip(own, other, strict=True))
        lines.append(
            f"| {label} | {len(both)} | {_shares(other)} | {_shares(own)} | {closer} of {len(both)} |"
        )
    lines += _by_model([point for point in points if point.case.id in theirs], theirs)
    lines += [
        "",
        f"Processor time of one estimate: {document['cpu_seconds_an_estimate']:.1f} s (a process each) against "
        f"{_own_ms():.0f} ms (a run of all its",
        "requests played through, in process).",
    ]
    return lines


def _by_model(points: Sequence[Point], theirs: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Median errors by GPU and network: where it is better, it shows."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        if point.name in ("tpot_ms", "ttft_ms"):
            groups.setdefault(point.case.group, []).append(point)
    lines = [
        "",
        "| GPU and network | n | TPOT, AIConfigurator | inferstack | TTFT, AIConfigurator | inferstack |",
        "|---|---|---|---|---|---|",
    ]
    for group, members in sorted(groups.items()):
        cells = []
        for name in ("tpot_ms", "ttft_ms"):
            own = [point for point in members if point.name == name]
            other = [abs(theirs[point.case.id][name] / point.measured - 1) for point in own]
            cells += [f"{np.median(other):.0%}", f"{np.median([abs(point.error) for point in own]):.0%}"]
        label = group.replace("|", ", ")
        lines.append(f"| {label} | {len(members) // 2} | " + " | ".join(cells) + " |")
    return lines


def _shares(errors: Sequence[float]) -> str:
    return f"{np.median(errors):.1%} | {np.quantile(errors, 0.9):.0%}"


def _own_ms() -> float:
    """Median time of one of our answers to the same questions."""
    took = []
    for case in asked():
        started = time.process_time()
        predict(case.deployment, case.load)
        took.append((time.process_time() - started) * 1e3)
    return float(np.median(took))


def _cpu_seconds() -> float:
    """Of all programs that ended: wall time on a shared machine would say nothing."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Ask it everything and keep the answers."""
    if shutil.which("aiconfigurator") is None:
        print("no aiconfigurator on PATH (pip install aiconfigurator==0.12.0 elsewhere): nothing to compare")
        return
    version = subprocess.run(
        ["aiconfigurator", "version"], capture_output=True, text=True, check=False
    ).stdout
    number = re.search(r"\d+\.\d+\.\d+", version)
    known = json.loads(ANSWERS.read_text(encoding="utf-8")) if ANSWERS.exists() else {"answers": {}}
    found: dict[str, dict[str, Any]] = known["answers"]
    chosen = [case for case in asked() if "error" in found.get(case.id, {"error": ""})]
    before = _cpu_seconds()
    with ThreadPoolExecutor(2) as pool:
        found |= dict(zip((case.id for case in chosen), pool.map(answer, chosen), strict=True))
    document = known | {
        "version": f"AIConfigurator {number[0] if number else '0.12.0'}",
        "date": time.strftime("%Y-%m-%d"),
        "cpu_seconds_an_estimate": round((_cpu_seconds() - before) / max(len(chosen), 1), 2),
        "answers": dict(sorted(found.items())),
    }
    ANSWERS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(
        f"{sum('error' not in entry for entry in found.values())} of {len(found)} answered", file=sys.stderr
    )


if __name__ == "__main__":
    main()
