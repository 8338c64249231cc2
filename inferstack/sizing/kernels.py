"""Which matrix kernel serves which weights: bits stored per element and the precision it multiplies in.

The choice follows vLLM: FP8 multiplies natively from compute capability 8.9 on and falls back to weight-only
Marlin before; 4-bit AWQ and GPTQ weights are always expanded to 16 bits; NVFP4 and MXFP4 multiply natively on
Blackwell only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from inferstack.sizing.weight_formats import Part, weight_format

if TYPE_CHECKING:
    from inferstack.sizing.types import Deployment


@dataclass(frozen=True, slots=True)
class Kernel:
    """``name`` keys the fitted efficiencies; ``compute_bits`` of the tensor cores it uses."""

    name: str
    bits: float
    compute_bits: int


_FP8_NATIVE: Final = 8.9
_BLACKWELL: Final = 10.0
# format: kernel and compute bits where it multiplies natively, the capability that needs, and elsewhere
_KERNELS: Final[dict[str, tuple[str, int, float, str]]] = {
    "fp8": ("fp8", 8, _FP8_NATIVE, "w8"),
    "mxfp8": ("fp8", 8, _BLACKWELL, "w8"),
    "int8": ("int8", 8, 0.0, "w8"),
    "gptq-int8": ("w8", 16, 0.0, "w8"),
    "nvfp4": ("fp4", 4, _BLACKWELL, "w4"),
    "mxfp4": ("fp4", 8, _BLACKWELL, "mx4"),
    "fp8+fp4": ("fp8", 8, _FP8_NATIVE, "w8"),
}
_SIXTEEN_BITS: Final = ("bf16", "fp16", "fp32")


def kernel_of(deployment: Deployment, part: Part) -> Kernel:
    """The kernel that multiplies with a part's matrices."""
    form = weight_format(deployment.quantization, deployment.architecture)
    bits = 8 * form.bytes_of(part)
    name = form.name.removesuffix("+native")
    if part not in form.quantized or name in _SIXTEEN_BITS:
        return Kernel("bf16", bits, 16)
    if part is Part.EXPERT and form.expert_bytes is not None:
        name = "mxfp4"
    native, compute_bits, needs, otherwise = _KERNELS.get(name, ("w4", 16, 0.0, "w4"))
    if float(deployment.gpu.compute_capability) >= needs:
        return Kernel(native, bits, compute_bits)
    return Kernel(otherwise, bits, 16)
