"""Names people type find their entry, or the nearest real ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferstack.catalog.load import load_catalog
from inferstack.catalog.names import gpu_key, nearest, normalise, or_list
from inferstack.errors import InputError

CATALOG = load_catalog()

GPU_SPELLINGS = {
    "A100 80GB": "A100-80GB",
    "A100-SXM-80GB": "A100-80GB",
    "A100-80GB": "A100-80GB",
    "a100 sxm4 80gb": "A100-80GB",
    "A100-PCIe-80GB": "A100-80GB-PCIe",
    "A100 40GB": "A100-40GB",
    "A100-SXM-40GB": "A100-40GB",
    "H100": "H100",
    "H100-SXM": "H100",
    "H100-80-SXM": "H100",
    "h100-sxm5-80gb": "H100",
    "NVIDIA H100 80GB HBM3": "H100",
    "H100-PCIe": "H100-PCIe",
    "H100-NVL": "H100-NVL",
    "H200-SXM": "H200",
    "H200": "H200",
    "B200-SXM": "B200",
    "B300-SXM": "B300",
    "GB200": "GB200",
    "RTXPRO6000": "RTX-PRO-6000",
    "RTXPRO6000-SE": "RTX-PRO-6000",
    "RTX PRO 6000": "RTX-PRO-6000",
    "RTX-PRO-6000-BSE": "RTX-PRO-6000",
    "NVIDIA RTX PRO 6000 Blackwell Server Edition": "RTX-PRO-6000",
    "RTX PRO 6000 Blackwell Workstation Edition": "RTX-PRO-6000-WS",
    "NVIDIA A10G": "A10G",
    "a10g": "A10G",
    "A10": "A10",
    "A40": "A40",
    "L4": "L4",
    "l40s": "L40S",
    "Tesla T4": "T4",
    "T4": "T4",
    "V100 16GB": "V100-16GB",
    "V100 32GB": "V100-32GB",
    "RTX 3090": "RTX-3090",
    "NVIDIA GeForce RTX 4090": "RTX-4090",
    "RTX4090": "RTX-4090",
    "RTX5090": "RTX-5090",
    "RTX A6000": "RTX-A6000",
    "RTX 3060 12GB": "RTX-3060-12GB",
    "RTX 4070 8GB": "RTX-4070-8GB",
    "RTX 2060 12GB": "RTX-2060-12GB",
    "RTX 5080": "RTX-5080",
    "RTX 5070 Ti": "RTX-5070-Ti",
}


@pytest.mark.parametrize(("spelling", "gpu"), GPU_SPELLINGS.items())
def test_a_gpu_is_found_by_any_usual_spelling(spelling: str, gpu: str) -> None:
    assert CATALOG.accelerator(spelling).id == gpu


@pytest.mark.parametrize("gpu", [gpu.id for gpu in CATALOG.accelerators()])
def test_case_and_punctuation_of_a_gpu_do_not_matter(gpu: str) -> None:
    for spelling in (
        gpu.lower(),
        gpu.upper(),
        gpu.replace("-", " "),
        gpu.replace("-", "_"),
        gpu.replace("-", ""),
    ):
        assert CATALOG.accelerator(spelling).id == gpu


@pytest.mark.parametrize("name", ["H10", "", "NVIDIA", "rtx", "TPU v5", "A100-48GB"])
def test_an_unknown_gpu_is_an_input_error_and_never_another_gpu(name: str) -> None:
    with pytest.raises(InputError, match="no GPU"):
        CATALOG.accelerator(name)


PUBLISHED_NAMES = {
    "Llama 3 8B": "meta-llama/Meta-Llama-3-8B-Instruct",
    "Llama 3 70B": "meta-llama/Meta-Llama-3-70B-Instruct",
    "Llama 3.1 8B": "meta-llama/Llama-3.1-8B-Instruct",
    "Llama 3.1 70B": "meta-llama/Llama-3.1-70B-Instruct",
    "Llama 3.1 405B": "meta-llama/Llama-3.1-405B-Instruct",
    "Llama 3.3 70B": "meta-llama/Llama-3.3-70B-Instruct",
    "Llama 4 8B": "meta-llama/Llama-4-Scout-17B-16E-Instruct",
    "Llama 4 70B": "meta-llama/Llama-4-Scout-17B-16E-Instruct",
    "Llama 3.2 8B": "meta-llama/Llama-3.1-8B-Instruct",
    "CodeLlama 34B": "codellama/CodeLlama-34b-Instruct-hf",
    "Mistral 7B v0.3": "mistralai/Mistral-7B-Instruct-v0.3",
    "Mixtral 8x7B": "mistralai/Mixtral-8x7B-Instruct-v0.1",
    "Mixtral 8x22B": "mistralai/Mixtral-8x22B-Instruct-v0.1",
    "Mistral Large 2 123B": "mistralai/Mistral-Large-Instruct-2411",
    "Mistral Medium 3 22B": "mistralai/Mistral-Medium-3.5-128B",
    "Qwen2.5 7B": "Qwen/Qwen2.5-7B-Instruct",
    "Qwen2.5 14B": "Qwen/Qwen2.5-14B-Instruct",
    "Qwen2.5 32B": "Qwen/Qwen2.5-32B-Instruct",
    "Qwen2.5 72B": "Qwen/Qwen2.5-72B-Instruct",
    "Qwen2.5-Coder 7B": "Qwen/Qwen2.5-Coder-7B-Instruct",
    "Qwen2.5-Coder 32B": "Qwen/Qwen2.5-Coder-32B-Instruct",
    "DeepSeek V3": "deepseek-ai/DeepSeek-V3",
    "DeepSeek Coder 33B": "deepseek-ai/deepseek-coder-33b-instruct",
    "Gemma 2 27B": "google/gemma-2-27b-it",
    "Phi-3.5 14B": "microsoft/phi-4",
    "Command R+ 104B": "CohereLabs/c4ai-command-r-plus",
    "WizardMath 70B": "WizardLMTeam/WizardMath-70B-V1.0",
    "MAmmoTH 70B": "TIGER-Lab/MAmmoTH-70B",
    "Nous Hermes 2": "NousResearch/Hermes-2-Pro-Llama-3-8B",
    "nomic-embed-text-v1.5": "nomic-ai/nomic-embed-text-v1.5",
    "multilingual-e5-large-instruct": "intfloat/multilingual-e5-large-instruct",
}


@pytest.mark.parametrize(("name", "first"), PUBLISHED_NAMES.items())
def test_a_name_from_the_literature_leads_to_the_real_model(name: str, first: str) -> None:
    with pytest.raises(InputError) as caught:
        CATALOG.model(name)
    suggestion = caught.value.problems[0].did_you_mean
    assert suggestion is not None
    assert suggestion.startswith(first)


@pytest.mark.parametrize("phantom", CATALOG.phantom_models(), ids=lambda phantom: phantom.name)
def test_a_name_that_never_existed_says_why_and_what_exists(phantom: object) -> None:
    from inferstack.catalog.types import PhantomModel

    assert isinstance(phantom, PhantomModel)
    known = set(CATALOG.model_ids())
    assert phantom.use
    assert known.issuperset(phantom.use)
    for spelling in (phantom.name, *phantom.aliases):
        with pytest.raises(InputError) as caught:
            CATALOG.model(spelling)
        assert phantom.finding in caught.value.problems[0].message


def test_a_model_is_found_by_an_earlier_name_and_in_any_case() -> None:
    assert CATALOG.model("meta-llama/Meta-Llama-3.1-8B-Instruct").id == "meta-llama/Llama-3.1-8B-Instruct"
    assert CATALOG.model("CohereForAI/c4ai-command-r-plus").id == "CohereLabs/c4ai-command-r-plus"
    assert CATALOG.model("qwen/QWEN3-8b").id == "Qwen/Qwen3-8B"


@pytest.mark.parametrize(
    ("lookup", "typed", "meant"),
    [
        (CATALOG.instance, "g6e.12xl", "g6e.12xlarge"),
        (CATALOG.instance, "p5.48xlrage", "p5.48xlarge"),
        (CATALOG.region, "eu-central1", "eu-central-1"),
        (CATALOG.licence, "apache", "apache-2.0"),
        (CATALOG.eks_version, "1.30", "1.31"),
        (CATALOG.service, "nat", "nat-gateway-gb"),
        (CATALOG.cpu_instance, "m7i.larg", "m7i.large"),
    ],
)
def test_an_unknown_name_offers_the_nearest(lookup: object, typed: str, meant: str) -> None:
    assert callable(lookup)
    with pytest.raises(InputError) as caught:
        lookup(typed)
    assert (caught.value.problems[0].did_you_mean or "").startswith(meant)


@given(st.text(max_size=30))
def test_nearest_never_fails_and_offers_only_candidates(text: str) -> None:
    candidates = ["meta-llama/Llama-3.3-70B-Instruct", "Qwen/Qwen3-8B", "L40S", ""]
    found = nearest(text, candidates)
    assert set(found) <= set(candidates)
    assert len(found) <= 3


@given(st.sampled_from(CATALOG.model_ids()))
def test_a_correct_name_is_its_own_nearest(name: str) -> None:
    assert nearest(name, CATALOG.model_ids())[0] == name


def test_helpers_compare_without_case_and_join_for_reading() -> None:
    assert normalise("RTX-Pro 6000") == "rtxpro6000"
    assert gpu_key("NVIDIA H100 SXM5") == gpu_key("h100-sxm")
    assert or_list([]) is None
    assert or_list(["a"]) == "a"
    assert or_list(["a", "b", "c"]) == "a, b or c"
