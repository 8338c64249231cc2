"""What a GPU and a vLLM version cannot run at all, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inferstack.errors import InputError, Problem
from inferstack.sizing.tensors import padded_vocab
from inferstack.sizing.vllm_defaults import version_key
from inferstack.sizing.weight_formats import canonical_name

if TYPE_CHECKING:
    from inferstack.sizing.types import Deployment

_CACHE_BYTES: Final = {
    "auto": 2.0, "bf16": 2.0, "bfloat16": 2.0, "fp16": 2.0, "float16": 2.0, "half": 2.0,
    "fp8": 1.0, "fp8_e4m3": 1.0, "fp8_e5m2": 1.0, "fp8_ds_mla": 1.0, "int8": 1.0,
    "nvfp4": 0.5625, "fp32": 4.0, "float32": 4.0,
}  # fmt: skip
_VOLTA_LAST: Final = (0, 11)
"""vLLM's CUDA 13 images (0.12 on) have no kernels for compute capability 7.0; V1 never supported it."""


def cache_element_bytes(deployment: Deployment) -> float:
    """Bytes of one KV-cache element; InputError for an unknown dtype."""
    label = (deployment.kv_cache_dtype or "auto").strip().lower().replace("-", "_")
    if label in ("auto", "none", "") and deployment.quantization in ("fp32", "float32"):
        return 4.0
    found = _CACHE_BYTES.get(label if label != "none" else "auto")
    if found is None:
        raise InputError(
            Problem(message="unknown KV cache dtype", value=label, accepted=", ".join(sorted(_CACHE_BYTES)))
        )
    return found


def unsupported(deployment: Deployment) -> str | None:
    """Why vLLM would refuse this deployment whatever the memory; None when it would not."""
    return (
        _parallelism(deployment) or _ranks(deployment) or _generation(deployment) or _quantization(deployment)
    )


def _parallelism(d: Deployment) -> str | None:
    a = d.architecture
    if d.tp < 1 or d.pp < 1:
        return "tensor and pipeline parallelism start at 1"
    if a.num_attention_heads % d.tp:
        return f"{a.num_attention_heads} attention heads cannot be divided over {d.tp} GPUs"
    if a.num_kv_heads > d.tp and a.num_kv_heads % d.tp and a.mla is None:
        return f"{a.num_kv_heads} key/value heads cannot be divided over {d.tp} GPUs"
    if padded_vocab(a) % d.tp:
        return (
            f"the vocabulary of {a.vocab_size} (padded {padded_vocab(a)}) cannot be divided over {d.tp} GPUs"
        )
    if d.pp > a.num_layers:
        return f"{a.num_layers} layers cannot be divided over {d.pp} stages"
    return None


def _ranks(d: Deployment) -> str | None:
    moe = d.architecture.moe
    if d.data_parallel == 1:
        return None
    if d.data_parallel < 1:
        return "data parallelism starts at 1"
    if moe is None:
        return "data-parallel ranks share experts, and the model has none: independent replicas do the same"
    if d.pp > 1:
        return "a pipeline of data-parallel ranks is not planned with"
    if d.experts_over > moe.num_experts:
        return f"{moe.num_experts} experts cannot be spread over {d.experts_over} GPUs"
    if d.adapters is not None and d.tp > 1 and d.expert_parallel:
        return "vLLM's LoRA for experts does not run with tensor, data and expert parallelism together"
    return None


def _generation(d: Deployment) -> str | None:
    capability = float(d.gpu.compute_capability)
    version = version_key(d.vllm_version)
    if capability < 7.5 and version > _VOLTA_LAST:
        return f"{d.gpu.name} has compute capability {capability}; vLLM {d.vllm_version} needs 7.5"
    return None


def _quantization(d: Deployment) -> str | None:
    name = canonical_name(d.quantization, d.architecture)
    capability = float(d.gpu.compute_capability)
    recent = version_key(d.vllm_version) >= (0, 30)
    if name == "int8" and capability >= 10:
        return f"INT8 W8A8 has no kernels on {d.gpu.name} (compute capability {capability})"
    if name.startswith("mxfp4") and capability < 8:
        return f"MXFP4 needs compute capability 8.0; {d.gpu.name} has {capability}"
    if name == "bnb" and recent:
        return "bitsandbytes is an out-of-tree plugin that the official vLLM image does not carry"
    if name.startswith("gguf") and recent:
        return "GGUF is an out-of-tree plugin that the official vLLM image does not carry"
    if cache_element_bytes(d) < 2 and d.gpu.vllm is not None and not d.gpu.vllm.kv_cache_fp8:
        return f"{d.gpu.name} has no FP8 KV cache"
    return None
