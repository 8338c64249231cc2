"""How many bytes a weight takes: quantization formats, which matrices they cover, and what users call them.

Bytes per element include scales and zero points. Embeddings, norms, routers, biases and vision towers stay in
16 bits in every format but GGUF and float32. Which matrices a published checkpoint quantizes differs by
maker; where makers differ the larger form is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    from inferstack.catalog.types import Architecture


class Part(Enum):
    """What a matrix belongs to: formats cover some parts and leave others in 16 bits."""

    EMBEDDING = "embedding"
    HEAD = "head"
    PLAIN = "plain"
    ATTENTION = "attention"
    MIXER = "mixer"
    MLP = "mlp"
    SHARED = "shared"
    EXPERT = "expert"
    VISION = "vision"


_LINEAR: Final = frozenset({Part.ATTENTION, Part.MIXER, Part.MLP, Part.SHARED, Part.EXPERT})
_FFN: Final = frozenset({Part.MLP, Part.SHARED, Part.EXPERT})
_EVERYTHING: Final = frozenset(Part)


@dataclass(frozen=True, slots=True)
class Format:
    """A weight format. ``quantized`` parts take ``bytes_per_element``, the others ``plain_bytes``."""

    name: str
    bytes_per_element: float
    quantized: frozenset[Part]
    plain_bytes: float = 2.0
    expert_bytes: float | None = None
    """When experts are stored in another format than the other quantized parts (DeepSeek V4)."""
    attention_bytes: float | None = None
    """When attention has a format of its own (FP8 in mixed NVFP4 releases)."""

    def bytes_of(self, part: Part) -> float:
        if part is Part.ATTENTION and self.attention_bytes is not None:
            return self.attention_bytes
        if part not in self.quantized:
            return self.plain_bytes
        if part is Part.EXPERT and self.expert_bytes is not None:
            return self.expert_bytes
        return self.bytes_per_element


_FP8_BLOCK: Final = 1 + 4 / (128 * 128)
_INT4_G128: Final = 0.5 + 2 / 128 + 0.5 / 128
_INT4_G32: Final = 0.5 + 2 / 32
_NVFP4: Final = 0.5 + 1 / 16
_MXFP4: Final = 0.5 + 1 / 32

_GGUF_BITS: Final = {
    "q2": 3.35, "q3": 3.91, "iq3": 3.7, "iq4": 4.5, "q4_0": 4.55, "q4": 4.85, "q5_0": 5.54, "q5": 5.69,
    "q6": 6.56, "q8": 8.5, "f16": 16.0, "bf16": 16.0,
}  # fmt: skip
"""Bits per weight of llama.cpp's K-quants, averaged over a model's tensors (llama.cpp quantize table)."""

_SPELLINGS: Final[tuple[tuple[str, str], ...]] = (
    # canonical name, pattern searched in the label (lower case, separators as "-")
    ("mxfp8", r"mxfp8"),
    ("mxfp4", r"mxfp4|^gpt-oss$"),
    ("nvfp4", r"nvfp4|fp4"),
    ("gptq-int8", r"gptq-?(int)?-?8|w8a16|int8-weight"),
    ("fp8", r"fp8|fbgemm|e4m3|^modelopt$|w8a8-?f"),
    ("int8", r"int8|w8a8|^8-?bit$|smoothquant"),
    ("awq", r"awq|^compressed-tensors$"),
    ("gptq", r"gptq|marlin|autoround|auto-round|^inc$"),
    ("bnb", r"bnb|bitsandbytes|^nf4$|qlora"),
    ("int4", r"int4|w4a16|^4-?bit$|hqq"),
    ("fp32", r"fp32|float32|^float$"),
    ("fp16", r"^fp16|^float16|^half|^f16"),
    ("bf16", r"bf16|bfloat16|16-?bit|unquantized"),
)
_NATIVE_SPELLINGS: Final = frozenset({"", "auto", "none", "native", "default"})
ACCEPTED: Final = (
    "auto, bf16, fp16, fp32, fp8, int8, awq, gptq, gptq-int8, int4, nvfp4, mxfp4, mxfp8, bnb, "
    "gguf-q4_k_m (q2 to q8)"
)


def canonical_name(label: str | None, architecture: Architecture) -> str:
    """The format's own name for what users write (``AWQ``, ``gptq-int4``, ``w4a16``, ``FP8-dynamic``).

    The checkpoint's native format for None, ``auto``, ``none``. InputError for a name that means nothing.
    """
    text = re.sub(r"[\s_]+", "-", (label or "").strip().lower())
    if text in _NATIVE_SPELLINGS:
        return _native_name(architecture.native_dtype)
    gguf = re.search(r"gguf|^i?q[2-8]", text)
    if gguf:
        bits = re.search(r"i?q\d(-0)?|bf16|f16", text)
        return f"gguf-{bits[0].replace('-', '_') if bits else 'q4'}"
    name = next((name for name, pattern in _SPELLINGS if re.search(pattern, text)), None)
    if name is None:
        raise InputError(Problem(message="unknown quantization", value=str(label), accepted=ACCEPTED))
    if name == _native_name(architecture.native_dtype).partition("+")[0]:
        return _native_name(architecture.native_dtype)
    if name in ("int4", "mxfp4") and architecture.native_dtype in ("int4", "mxfp4"):
        return _native_name(architecture.native_dtype)
    return name


def _native_name(dtype: str) -> str:
    """Checkpoints in float32 are run in 16 bits by vLLM's ``--dtype auto``."""
    if dtype in ("int4", "mxfp4", "fp8+fp4"):
        return f"{dtype}+native"
    return {"fp32": "bf16", "None": "bf16", "": "bf16"}.get(dtype or "", dtype)


def weight_format(label: str | None, architecture: Architecture) -> Format:
    """The format of a deployment's weights; InputError for an unknown name."""
    name = canonical_name(label, architecture)
    if name.startswith("gguf-"):
        key = name.removeprefix("gguf-")
        bits = _GGUF_BITS.get(key) or _GGUF_BITS.get(key.partition("_")[0], 16.0)
        return Format(name, bits / 8, frozenset(_EVERYTHING - {Part.PLAIN, Part.VISION}))
    if name == "nvfp4":
        return _nvfp4(architecture)
    if name in ("awq", "int4") and architecture.hybrid is not None:
        return Format(name, _INT4_G128, _LINEAR - {Part.MIXER})
    return _FORMATS[name]


def _nvfp4(architecture: Architecture) -> Format:
    """NVFP4 releases cover all linear layers of plain transformers; elsewhere attention stays in 16 bits.

    Of Qwen's hybrids the feed-forwards are FP4, attention is FP8 and linear attention 16 bits.
    """
    if architecture.hybrid is not None and architecture.hybrid.linear_kind == "gated_deltanet":
        return Format("nvfp4", _NVFP4, _FFN, attention_bytes=_FP8_BLOCK)
    if architecture.attention in ("gqa", "mha") and architecture.native_dtype in ("bf16", "fp16"):
        return Format("nvfp4", _NVFP4, _LINEAR)
    return Format("nvfp4", _NVFP4, _FFN if architecture.moe is None else frozenset({Part.MLP, Part.EXPERT}))


_FORMATS: Final[dict[str, Format]] = {
    "bf16": Format("bf16", 2.0, frozenset()),
    "fp16": Format("fp16", 2.0, frozenset()),
    "fp32": Format("fp32", 4.0, _EVERYTHING, plain_bytes=4.0),
    "fp8": Format("fp8", _FP8_BLOCK, _LINEAR),
    "mxfp8": Format("mxfp8", 1 + 1 / 32, _LINEAR),
    "int8": Format("int8", 1.0, _LINEAR),
    "gptq-int8": Format("gptq-int8", 1 + 2 / 128, _LINEAR),
    "awq": Format("awq", _INT4_G128, _LINEAR),
    "gptq": Format("gptq", _INT4_G128, _LINEAR),
    "int4": Format("int4", _INT4_G128, _LINEAR),
    "bnb": Format("bnb", 0.5 + 1 / 64 + 4 / (64 * 256), _LINEAR),
    "mxfp4": Format("mxfp4", _MXFP4, frozenset({Part.MLP, Part.EXPERT})),
    "int4+native": Format("int4+native", _INT4_G32, frozenset({Part.EXPERT})),
    "mxfp4+native": Format("mxfp4+native", _MXFP4, frozenset({Part.EXPERT})),
    "fp8+fp4+native": Format("fp8+fp4+native", _FP8_BLOCK, _LINEAR, expert_bytes=_MXFP4),
}
