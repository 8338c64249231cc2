"""What is expected of every constant before any measurement is looked at.

A prior is the value an engineer would guess, and how far (as a factor exp(width)) it may move. The corrections of
single GPUs and engine generations have narrow priors around the common value, which shrinks them to it unless
several measurements ask for more.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.accuracy.serving import cases

WIDTH = 0.6
"""All widths times this; chosen by cross-validation among 0.6, 1 and 1.5."""


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
        ("routing_spread", 0.8, 0.2), ("expert_parallel_imbalance", 1.1, 0.1),
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
        ("mx4", 0.8, 0.28, 25), ("fp4", 1.0, 0.2, 12), ("int8", 0.7, 0.22, 40),
    ):  # fmt: skip
        table.append((f"experts.{name}.bandwidth", bandwidth, 0.28))
        table.append((f"experts.{name}.compute", compute, 0.42))
        table.append((f"experts.{name}.layer_us", layer_us, 0.7))
    for gpu in sorted({case.deployment.gpu.id for case in cases()}):
        # the data sheets of these two state rates that their own tensor cores exceed
        table.append((f"gpus.{gpu}.compute", 1.0, 0.3 if gpu in ("A10G", "RTX-4090") else 0.15))
        table.append((f"gpus.{gpu}.bandwidth", 1.0, 0.07))
        table.append((f"gpus.{gpu}.launch", 1.0, 0.08))
    for name, step_ms, sequence_us, launch, compute, request_ms, frontend_ms in (
        ("vllm-v0", 2.0, 25, 1.1, 0.9, 15, 2), ("vllm-v1-early", 0.7, 20, 1.0, 0.9, 22, 3),
        ("vllm-v1-late", 0.7, 20, 1.0, 0.9, 22, 3), ("vllm-v1-async", 0.7, 20, 1.0, 1.0, 22, 3),
        ("trtllm", 0.5, 5, 1.0, 1.0, 10, 1), ("sglang", 0.5, 8, 1.0, 0.9, 12, 1),
    ):  # fmt: skip
        own = f"engines.{name}"
        late = name in ("vllm-v1-early", "vllm-v1-late")
        table += [
            (f"{own}.step_ms", step_ms, 0.5), (f"{own}.sequence_us", sequence_us, 0.5),
            (f"{own}.launch", launch, 0.12), (f"{own}.compute", compute, 0.35 if "v1" in name else 0.15),
            (f"{own}.request_ms", request_ms, 0.5), (f"{own}.frontend_ms", frontend_ms, 0.2),
            (f"{own}.activation_share", *((0.5, 0.4) if late else (1.0, 1e-4))),
        ]  # fmt: skip
    return tuple(Prior(path, float(value), width * WIDTH) for path, value, width in table)


PRIORS = _priors()
