from __future__ import annotations

from inferstack.sizing.rules.rule import KernelCase, Rule

_PLUGINS = {"bitsandbytes": "vllm-bnb-plugin", "gguf": "vllm-gguf-plugin"}


def _check(case: KernelCase) -> str | None:
    if case.weights.bits:
        return None
    name = case.weights.quantization
    plugin = next((plugin for key, plugin in _PLUGINS.items() if name.startswith(key)), None)
    if plugin is None:
        return f"no vLLM 0.33 kernel for {name} weights"
    return f"{name} moved to {plugin}, which is not in the official image"


RULE = Rule[KernelCase](
    id="out-of-image",
    title="bitsandbytes and GGUF are out-of-tree plugins since vLLM 0.3x",
    effect="refuse",
    source="vLLM 0.33.0 docs/features/quantization/bnb.md and gguf.md",
    check=_check,
)
