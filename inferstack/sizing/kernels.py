"""Which matrix kernel serves which weights: bits stored per element and the precision it multiplies in.

The choice follows vLLM: FP8 multiplies natively from compute capability 8.9 on and falls back to weight-only
Marlin before; 4-bit AWQ/GPTQ weights are always dequantized to 16 bits; NVFP4 and MXFP4 multiply natively on
Blackwell only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from inferstack.sizing.types import Deployment

KernelName = Literal["bf16", "fp8", "w8", "w4", "fp4", "int8"]


@dataclass(frozen=True, slots=True)
class Kernel:
    """``bits`` stored per weight with its scales; ``compute_bits`` of the tensor cores it uses."""

    name: KernelName
    bits: float
    compute_bits: int


@dataclass(frozen=True, slots=True)
class Kernels:
    attention: Kernel
    dense: Kernel
    experts: Kernel
    head: Kernel


BF16 = Kernel("bf16", 16, 16)
FP8 = Kernel("fp8", 8, 8)
FP8_WEIGHT_ONLY = Kernel("w8", 8, 16)
INT8 = Kernel("int8", 8, 8)
AWQ = Kernel("w4", 4.25, 16)
NVFP4 = Kernel("fp4", 4.5, 4)
NVFP4_WEIGHT_ONLY = Kernel("w4", 4.5, 16)
MXFP4 = Kernel("fp4", 4.25, 8)
MXFP4_WEIGHT_ONLY = Kernel("w4", 4.25, 16)

# Names in the order they are tried: the first that occurs in the quantization label decides.
_FORMATS: tuple[tuple[str, str], ...] = (
    ("mxfp4", "mxfp4"), ("nvfp4", "nvfp4"), ("fp4", "nvfp4"), ("gptq-int8", "w8"), ("w8a16", "w8"),
    ("int8-weight", "w8"), ("mxfp8", "fp8"), ("fp8", "fp8"), ("w8a8", "int8"), ("int8", "int8"),
    ("awq", "w4"), ("gptq", "w4"), ("int4", "w4"), ("w4a16", "w4"), ("bnb", "w4"), ("bitsandbytes", "w4"),
)  # fmt: skip


def weight_format(quantization: str | None, native: str) -> str:
    """bf16, fp8, w8, int8, w4, nvfp4 or mxfp4 for any label."""
    label = (quantization or native).lower().replace("_", "-")
    if label in ("none", "auto"):
        label = native.lower()
    return next((kind for name, kind in _FORMATS if name in label), "bf16")


def kernels_of(deployment: Deployment) -> Kernels:
    """Kernels of the attention, dense MLP, expert and head matrices of a deployment."""
    architecture = deployment.architecture
    kind = weight_format(deployment.quantization, architecture.native_dtype)
    kernel = _kernel(kind, float(deployment.gpu.compute_capability))
    # 4-bit releases of large mixtures quantize the experts only (gpt-oss, Kimi, NVFP4 DeepSeek).
    experts_only = architecture.moe is not None and (
        kind == "mxfp4" or (kind in ("w4", "nvfp4") and (architecture.mla is not None))
    )
    rest = BF16 if experts_only else kernel
    return Kernels(attention=rest, dense=rest, experts=kernel, head=BF16)


def _kernel(kind: str, capability: float) -> Kernel:
    blackwell = capability >= 10.0
    if kind == "fp8":
        return FP8 if capability >= 8.9 else FP8_WEIGHT_ONLY
    if kind == "nvfp4":
        return NVFP4 if blackwell else NVFP4_WEIGHT_ONLY
    if kind == "mxfp4":
        return MXFP4 if blackwell else MXFP4_WEIGHT_ONLY
    return {"w8": FP8_WEIGHT_ONLY, "int8": INT8, "w4": AWQ}.get(kind, BF16)
