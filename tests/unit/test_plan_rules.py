"""Every field rule, on the hardware and the model it is about, and on one it must leave alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inferstack.catalog.load import load_catalog
from inferstack.sizing.checkpoints import Weights, all_weights
from inferstack.sizing.rules import (
    HOST_RULES,
    KERNEL_RULES,
    PLACEMENT_RULES,
    SPLIT_RULES,
    HostCase,
    KernelCase,
    PlacementCase,
    SplitCase,
    judge,
)

CATALOG = load_catalog()


def host(instance_id: str, purchases: tuple[str, ...] = ("on-demand",)) -> HostCase:
    instance = CATALOG.instance(instance_id)
    return HostCase(instance=instance, gpu=CATALOG.accelerator(instance.gpu), purchases=purchases)


def weights(model_id: str, quantization: str) -> Weights:
    model = CATALOG.model(model_id)
    assert model.architecture is not None
    options = all_weights(model.id, model.architecture.native_dtype, model.checkpoints)
    return next(option for option in options if option.quantization == quantization)


def kernel(model_id: str, quantization: str, gpu: str, kv_cache_dtype: str = "auto") -> KernelCase:
    model = CATALOG.model(model_id)
    assert model.architecture is not None
    return KernelCase(
        architecture=model.architecture,
        family=model.family,
        weights=weights(model_id, quantization),
        kv_cache_dtype=kv_cache_dtype,
        gpu=CATALOG.accelerator(gpu),
    )


def split(model_id: str, quantization: str, gpu: str, tp: int, pp: int = 1) -> SplitCase:
    architecture = CATALOG.model(model_id).architecture
    assert architecture is not None
    return SplitCase(
        architecture=architecture,
        weights=weights(model_id, quantization),
        gpu=CATALOG.accelerator(gpu),
        tp=tp,
        pp=pp,
    )


def placement(
    instance_id: str, *, gpus: int = 1, nodes: int = 1, gib: float = 10, per_node: int = 1
) -> PlacementCase:
    return PlacementCase(
        instance=CATALOG.instance(instance_id),
        gpus_used=gpus,
        nodes=nodes,
        weights_gib=gib,
        replicas_per_node=per_node,
    )


@pytest.mark.parametrize(
    ("instance_id", "rule"),
    [
        ("p3dn.24xlarge", "unsupported-gpu"),
        ("p3.8xlarge", "unsupported-gpu"),
        ("g7.12xlarge", "node-image"),
        ("g6f.4xlarge", "fractional-gpu"),
        ("gr6f.4xlarge", "fractional-gpu"),
        ("g4dn.metal", "bare-metal"),
        ("p5e.48xlarge", "capacity-block-only"),
        ("p6e-gb200.36xlarge", "ultraserver"),
    ],
)
def test_host_rule_refuses(instance_id: str, rule: str) -> None:
    verdict = judge(HOST_RULES, host(instance_id))
    assert verdict.refused_by == rule
    assert verdict.reason


@pytest.mark.parametrize(
    "instance_id", ["g4dn.xlarge", "g6e.12xlarge", "g7e.2xlarge", "p4d.24xlarge", "p5en.48xlarge"]
)
def test_ordinary_hosts_pass(instance_id: str) -> None:
    assert judge(HOST_RULES, host(instance_id)).refused_by is None


def test_g7_reason_names_the_driver() -> None:
    assert "595" in judge(HOST_RULES, host("g7.2xlarge")).reason


def test_p5e_is_open_to_who_buys_capacity_blocks() -> None:
    assert judge(HOST_RULES, host("p5e.48xlarge", ("capacity-block",))).refused_by is None


@pytest.mark.parametrize(
    ("model_id", "quantization", "gpu", "kv", "rule"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "int8", "B200", "auto", "int8-blackwell"),
        ("meta-llama/Llama-3.1-8B-Instruct", "int8", "RTX-PRO-6000", "auto", "int8-blackwell"),
        ("google/gemma-3-12b-it", "gguf-q4_0", "L4", "auto", "out-of-image"),
        ("openai/gpt-oss-20b", "mxfp4", "T4", "auto", "mxfp4-turing"),
        ("google/gemma-3-4b-it", "bf16", "T4", "auto", "fp16-overflow"),
        ("google/gemma-2-9b-it", "bf16", "T4", "auto", "fp16-overflow"),
        ("deepseek-ai/DeepSeek-V3.2", "fp8", "A100 80GB", "auto", "sparse-attention"),
        ("Qwen/Qwen3-8B", "bf16", "T4", "fp8", "kv-fp8"),
    ],
)
def test_kernel_rule_refuses(model_id: str, quantization: str, gpu: str, kv: str, rule: str) -> None:
    assert judge(KERNEL_RULES, kernel(model_id, quantization, gpu, kv)).refused_by == rule


@pytest.mark.parametrize(
    ("model_id", "quantization", "gpu"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "int8", "H100"),
        ("openai/gpt-oss-20b", "mxfp4", "A10G"),
        ("google/gemma-3-4b-it", "bf16", "L4"),
        ("Qwen/Qwen3-8B", "fp8", "H100"),
        ("meta-llama/Llama-3.3-70B-Instruct", "nvfp4", "B200"),
        ("deepseek-ai/DeepSeek-V3.2", "fp8", "H200"),
    ],
)
def test_kernels_at_home_pass_without_a_word(model_id: str, quantization: str, gpu: str) -> None:
    verdict = judge(KERNEL_RULES, kernel(model_id, quantization, gpu))
    assert verdict.refused_by is None
    assert verdict.warnings == ()


@pytest.mark.parametrize(
    ("model_id", "quantization", "gpu", "word"),
    [
        ("meta-llama/Llama-3.3-70B-Instruct", "fp8", "A100 80GB", "weight-only"),
        ("Qwen/Qwen3-32B", "fp8", "L40S", "block-scaled"),
        ("meta-llama/Llama-3.3-70B-Instruct", "nvfp4", "H100", "Blackwell only"),
        ("Qwen/Qwen3-8B", "bf16", "T4", "--dtype half"),
    ],
)
def test_kernel_rule_warns(model_id: str, quantization: str, gpu: str, word: str) -> None:
    verdict = judge(KERNEL_RULES, kernel(model_id, quantization, gpu))
    assert verdict.refused_by is None
    assert any(word in warning for warning in verdict.warnings)


def test_per_tensor_fp8_is_native_on_ada() -> None:
    assert judge(KERNEL_RULES, kernel("meta-llama/Llama-3.3-70B-Instruct", "fp8", "L40S")).warnings == ()


def test_bitsandbytes_names_its_plugin() -> None:
    case = kernel("Qwen/Qwen3-8B", "bf16", "L4")
    bnb = Weights(quantization="bitsandbytes", checkpoint="Qwen/Qwen3-8B", origin="online", bits=0, tier=2)
    assert "vllm-bnb-plugin" in judge(KERNEL_RULES, replace(case, weights=bnb)).reason


@pytest.mark.parametrize(
    ("model_id", "quantization", "tp", "rule"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "bf16", 8, "heads-divide"),  # 28 heads
        ("Qwen/Qwen3.5-27B", "bf16", 16, "heads-divide"),  # 24 heads
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", "fp8", 32, "heads-divide"),
    ],
)
def test_heads_must_divide(model_id: str, quantization: str, tp: int, rule: str) -> None:
    verdict = judge(SPLIT_RULES, split(model_id, quantization, "L40S", tp))
    assert (verdict.refused_by, verdict.code) == (rule, "heads")


def test_fp8_expert_shards_below_the_smallest_scale_block_are_refused() -> None:
    case = split("Qwen/Qwen3-30B-A3B", "fp8", "H100", 8)  # 768 / 8 = 96 = 3 x 32: loads
    assert judge(SPLIT_RULES, case).refused_by is None
    moe = case.architecture.moe
    assert moe is not None
    narrow = case.architecture.model_copy(
        update={"moe": moe.model_copy(update={"moe_intermediate_size": 320})}
    )
    verdict = judge(SPLIT_RULES, replace(case, architecture=narrow))  # 320 / 8 = 40, as in vllm issue 54178
    assert verdict.refused_by == "fp8-block-shards"
    assert judge(SPLIT_RULES, replace(case, architecture=narrow, expert_parallel=True)).refused_by is None


def test_fp8_dense_shards_must_be_whole_scale_blocks() -> None:
    case = split("Qwen/Qwen3-8B", "fp8", "H100", 4)
    assert judge(SPLIT_RULES, case).refused_by is None
    odd = case.architecture.model_copy(
        update={"intermediate_size": 9728}
    )  # / 4 = 2432 = 19 x 128; / 8 is not
    assert judge(SPLIT_RULES, replace(case, architecture=odd)).refused_by is None
    assert judge(SPLIT_RULES, replace(case, architecture=odd, tp=8)).refused_by == "fp8-block-shards"


def test_encoders_have_no_pipeline() -> None:
    model = CATALOG.model("intfloat/multilingual-e5-large-instruct")
    assert model.architecture is not None
    case = split(model.id, model.architecture.native_dtype, "L4", 1, 2)
    assert judge(SPLIT_RULES, case).refused_by == "layers-divide"


def test_few_kv_heads_are_said_to_be_replicated() -> None:
    assert any(
        "KV heads" in w for w in judge(SPLIT_RULES, split("Qwen/Qwen3-30B-A3B", "bf16", "H100", 8)).warnings
    )
    assert judge(SPLIT_RULES, split("deepseek-ai/DeepSeek-V3-0324", "fp8", "H200", 8)).warnings == ()


def test_tensor_parallelism_over_pcie_is_flagged_above_two_gpus() -> None:
    model = "meta-llama/Llama-3.3-70B-Instruct"
    assert judge(SPLIT_RULES, split(model, "fp8", "L40S", 2)).warnings == ()
    assert "custom all-reduce" in judge(SPLIT_RULES, split(model, "fp8", "L40S", 4)).warnings[0]
    assert "sockets" in judge(SPLIT_RULES, split(model, "fp8", "L40S", 8)).warnings[0]
    assert judge(SPLIT_RULES, split(model, "fp8", "H100", 8)).warnings == ()


def test_a_replica_over_nodes_needs_efa() -> None:
    assert judge(PLACEMENT_RULES, placement("g6e.4xlarge", nodes=2, gpus=2)).refused_by == "multi-node-efa"
    assert judge(PLACEMENT_RULES, placement("p5.48xlarge", nodes=2, gpus=16)).refused_by is None


def test_weights_above_host_memory_are_flagged() -> None:
    assert "stream" in judge(PLACEMENT_RULES, placement("g6.xlarge", gib=17)).warnings[0]
    assert judge(PLACEMENT_RULES, placement("g6e.xlarge", gib=17)).warnings == ()


def test_engine_processes_need_host_memory() -> None:
    small = placement("g5.xlarge")
    assert judge(PLACEMENT_RULES, small).refused_by is None
    tiny = replace(small, instance=small.instance.model_copy(update={"memory_gib": 8.0}))
    assert judge(PLACEMENT_RULES, tiny).refused_by == "host-processes"


def test_rules_have_distinct_ids_and_a_source() -> None:
    rules = [*HOST_RULES, *KERNEL_RULES, *SPLIT_RULES, *PLACEMENT_RULES]
    assert len({rule.id for rule in rules}) == len(rules) >= 24
    assert all(rule.source and rule.title for rule in rules)
