"""`inferstack fit`: flags, JSON, batches, and bad input."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from inferstack.cli.deployment import OPTIONS
from inferstack.cli.fit import fit
from inferstack.errors import InputError

CONFIG = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
}
FIELDS = {
    "fits",
    "weights_gib_per_gpu",
    "activation_gib_per_gpu",
    "kv_cache_gib_per_gpu",
    "kv_cache_tokens",
    "max_concurrency",
    "reason",
    "non_torch_gib_per_gpu",
    "cuda_graphs_gib_per_gpu",
}


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(fit, list(arguments), input=stdin, standalone_mode=False)


def ask(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exception is None, result.exception
    found = json.loads(result.output)
    assert isinstance(found, dict)
    return found


def batch(*lines: object, source: str = "-") -> list[dict[str, Any]]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n"
    result = run("--batch", source, stdin=text)
    assert result.exception is None, result.exception
    return [json.loads(line) for line in result.output.splitlines()]


def test_json_has_the_fields_that_programs_rely_on() -> None:
    found = ask("--model", "Qwen/Qwen3-8B", "--gpu", "L40S", "--max-model-len", "8192")
    assert found.keys() >= FIELDS
    assert found["fits"] is True
    assert found["version"] == 1
    assert found["weights_gib_per_gpu"] == pytest.approx(15.27, abs=0.01)
    assert isinstance(found["kv_cache_tokens"], int)


def test_what_does_not_fit_is_an_answer_with_exit_code_0() -> None:
    found = ask("--model", "meta-llama/Llama-3.3-70B-Instruct", "--gpu", "A10G")
    assert found["fits"] is False
    assert "short of" in found["reason"]


def test_every_option_of_the_contract_is_taken() -> None:
    found = ask(
        "--model", "Qwen/Qwen3-30B-A3B", "--gpu", "a100-80gb", "--tp", "2", "--pp", "2",
        "--quantization", "FP8", "--kv-cache-dtype", "fp8", "--gpu-memory-utilization", "0.85",
        "--max-model-len", "16384", "--max-num-seqs", "64", "--max-num-batched-tokens", "4096",
        "--enforce-eager", "--enable-expert-parallel", "--vllm-version", "0.19.1",
    )  # fmt: skip
    assert (found["tp"], found["pp"], found["gpu"]) == (2, 2, "A100-80GB")
    assert (found["quantization"], found["vllm_version"]) == ("fp8", "0.19.1")
    assert (found["max_model_len"], found["max_num_seqs"], found["max_num_batched_tokens"]) == (
        16384,
        64,
        4096,
    )
    assert found["gpu_memory_utilization"] == 0.85
    assert found["cuda_graphs_gib_per_gpu"] == 0


def test_the_quantization_in_a_name_counts_unless_another_is_asked_for() -> None:
    named = ask("--model", "Qwen/Qwen3-8B-FP8", "--gpu", "H100")
    assert named["quantization"] == "fp8"
    assert "Qwen/Qwen3-8B" in named["note"]
    assert (
        ask("--model", "Qwen/Qwen3-8B-FP8", "--gpu", "H100", "--quantization", "auto")["quantization"]
        == "fp8"
    )
    assert (
        ask("--model", "Qwen/Qwen3-8B-FP8", "--gpu", "H100", "--quantization", "bf16")["quantization"]
        == "bf16"
    )


def test_mxfp4_counts_as_native_for_gpt_oss() -> None:
    native = ask("--model", "openai/gpt-oss-20b", "--gpu", "H100")
    assert ask("--model", "openai/gpt-oss-20b", "--gpu", "H100", "--quantization", "mxfp4") == native
    assert native["quantization"] == "mxfp4"


RANKS = (
    "--model", "deepseek-ai/DeepSeek-V3-0324", "--gpu", "H200", "--dp", "8", "--expert-parallel",
    "--max-model-len", "32768", "--max-num-batched-tokens", "2048",
)  # fmt: skip


def test_ranks_are_counted_one_by_one_and_together() -> None:
    found = ask(*RANKS)
    assert (found["tp"], found["dp"]) == (1, 8)
    assert found["server_kv_cache_tokens"] == 8 * found["kv_cache_tokens"]
    text = run(*RANKS).output
    assert "8 x H200 (TP 1, PP 1, DP 8)" in text
    assert "on each of 8 ranks" in text
    assert not {"dp", "server_kv_cache_tokens"} & ask("--model", "Qwen/Qwen3-8B", "--gpu", "L40S").keys()


def test_a_batch_has_ranks_too() -> None:
    line = {"model": "Qwen/Qwen3-30B-A3B", "gpu": "H100", "dp": 4, "expert_parallel": True}
    (found,) = batch(line)
    assert found["dp"] == 4
    (dense,) = batch({**line, "model": "Qwen/Qwen3-8B"})
    assert "independent replicas" in dense["reason"]


def test_the_text_shows_where_the_memory_goes() -> None:
    result = run("--model", "Qwen/Qwen3-32B", "--gpu", "H100", "--tp", "2")
    assert result.exception is None
    lines = result.output.splitlines()
    assert lines[0] == "Qwen/Qwen3-32B (bf16) on 2 x H100 (TP 2, PP 1), vLLM 0.33.0"
    assert lines[1].startswith("fits: ")
    labels = (
        "budget: 0.92 of 79.19",
        "weights",
        "activation peak",
        "outside torch",
        "CUDA graphs",
        "KV cache",
    )
    for label in labels:
        assert any(line.strip().startswith(label) for line in lines), label
    amounts = [float(line.split()[-1]) for line in lines if line.startswith("  ")]
    assert amounts[0] == pytest.approx(sum(amounts[1:]), abs=0.03)


def test_the_text_says_loudly_that_it_does_not_fit() -> None:
    result = run("--model", "meta-llama/Llama-3.3-70B-Instruct", "--gpu", "A10G")
    assert "DOES NOT FIT: no memory left for the KV cache" in result.output


def test_graphs_beside_the_budget_are_marked_so() -> None:
    result = run("--model", "Qwen/Qwen3-8B", "--gpu", "H100", "--vllm-version", "0.19.0")
    assert "CUDA graphs (on top of the budget)" in result.output


def test_a_config_file_stands_for_a_model(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    by_file = ask("--hf-config", str(path), "--gpu", "H100")
    by_folder = ask("--hf-config", str(tmp_path), "--gpu", "H100")
    catalog = ask("--model", "meta-llama/Llama-3.1-8B-Instruct", "--gpu", "H100")
    assert by_file["kv_cache_tokens"] == by_folder["kv_cache_tokens"] == catalog["kv_cache_tokens"]


# --- bad input ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--gpu", "H100"), "no model"),
        (("--model", "Qwen/Qwen3-8B"), "no GPU"),
        (("--model", "Qwen/Qwen3-8B", "--gpu", "H1000"), "no GPU 'H1000'.*did you mean H100"),
        (("--model", "Qwen/Qwen3-9B", "--gpu", "H100"), "did you mean .*Qwen/Qwen3-8B"),
        (("--model", "Qwen/Qwen3-8B", "--gpu", "H100", "--quantization", "int3"), "unknown quantization"),
        (("--model", "Qwen/Qwen3-8B", "--gpu", "H100", "--gpu-memory-utilization", "1.5"), "out of range"),
        (("--model", "Qwen/Qwen3-8B", "--gpu", "H100", "--vllm-version", "new"), "not a vLLM version"),
        (("--hf-config", "/nowhere/config.json", "--gpu", "H100"), "cannot be read"),
        (("--batch", "/nowhere.jsonl"), "no such file"),
    ],
)
def test_bad_input_is_refused_with_what_would_do(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, InputError)
    assert re.search(message, str(result.exception))


def test_all_problems_are_told_at_once() -> None:
    result = run("--model", "Qwen/Qwen3-9B", "--gpu", "H1000")
    assert isinstance(result.exception, InputError)
    assert len(result.exception.problems) == 2


@pytest.mark.parametrize("text", ["not json", "[1, 2]", "{}"])
def test_a_broken_config_file_is_bad_input(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    assert isinstance(run("--hf-config", str(path), "--gpu", "H100").exception, InputError)


# --- batches ---


def test_a_batch_answers_in_order_and_goes_on_after_bad_lines() -> None:
    found = batch(
        {"model": "Qwen/Qwen3-8B", "gpu": "L4", "tp": 1, "max_model_len": 8192},
        "not json",
        {"model": "x/unknown", "gpu": "H100"},
        [1],
        {"model": "Qwen/Qwen3-8B", "gpu": "H100", "quantizaton": "fp8"},
        "",
        {"hf_config": CONFIG, "gpu": "H200"},
    )
    assert [set(line) & {"fits", "error"} for line in found] == [
        {"fits"}, {"error"}, {"error"}, {"error"}, {"error"}, {"error"}, {"fits"},
    ]  # fmt: skip
    assert [line.get("line") for line in found[1:6]] == [2, 3, 4, 5, 6]
    assert "did you mean quantization?" in found[4]["error"]
    assert found[6]["gpu"] == "H200"


def test_a_batch_reads_files_and_configs_by_path(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG))
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"hf_config": str(config), "gpu": "H100"}) + "\n\n\n")
    result = run("--batch", str(source))
    assert len(result.output.splitlines()) == 1
    assert json.loads(result.output)["fits"] is True


def test_a_batch_gives_what_the_flags_give() -> None:
    line = {
        "model": "openai/gpt-oss-120b",
        "gpu": "H100",
        "tp": 2,
        "quantization": "mxfp4",
        "enforce_eager": True,
    }
    flags = ask(
        "--model",
        "openai/gpt-oss-120b",
        "--gpu",
        "H100",
        "--tp",
        "2",
        "--quantization",
        "mxfp4",
        "--enforce-eager",
    )
    assert batch(line) == [flags]


@pytest.mark.parametrize(
    ("extra", "error"),
    [
        ({"tp": 0}, "tp: not a whole number (got 0)"),
        ({"tp": 1.5}, "tp: not a whole number"),
        ({"tp": True}, "tp: not a whole number"),
        ({"max_model_len": "long"}, "max_model_len: not a whole number (got long)"),
        ({"gpu_memory_utilization": 0}, "gpu_memory_utilization: out of range"),
        ({"enforce_eager": "perhaps"}, "enforce_eager: not true or false"),
        ({"quantization": 4}, "quantization: not a text"),
    ],
)
def test_wrong_types_name_the_option(extra: dict[str, object], error: str) -> None:
    found = batch({"model": "Qwen/Qwen3-8B", "gpu": "H100", **extra})
    assert error in found[0]["error"]


def test_numbers_may_come_as_text_and_empty_values_as_nothing() -> None:
    plain = {"model": "Qwen/Qwen3-8B", "gpu": "H100", "tp": 2, "max_model_len": 4096}
    loose = {
        **plain,
        "tp": "2",
        "max-model-len": "4096",
        "quantization": None,
        "kv_cache_dtype": "",
        "enforce_eager": "no",
    }
    loose.pop("max_model_len")
    assert batch(loose) == batch(plain)


def test_the_names_of_the_batch_are_those_of_the_flags() -> None:
    flags = {parameter.name for parameter in fit.params}
    assert OPTIONS - {"nvlink"} <= flags


@pytest.mark.parametrize(
    "line",
    [
        '{"model": "Qwen/Qwen3-8B", "gpu": "L40S", "tp": 1e400}',
        '{"model": "Qwen/Qwen3-8B", "gpu": "L40S", "tp": NaN}',
        '{"model": "Qwen/Qwen3-8B", "gpu": "L40S", "tp": -Infinity}',
        '{"model": "Qwen/Qwen3-8B", "gpu": "L40S", "max_model_len": ' + "9" * 400 + "}",
        '{"model": "Qwen/Qwen3-8B", "gpu": "L40S", "max_model_len": ' + "9" * 5000 + "}",
        '{"hf_config": "\\u0000", "gpu": "L40S"}',
        '{"hf_config": "' + "x" * 5000 + '", "gpu": "L40S"}',
        "[" * 100_000,
    ],
    ids=["inf", "nan", "minus-inf", "400-digits", "5000-digits", "no-name", "long-name", "deep"],
)
def test_no_line_of_a_batch_stops_the_others(line: str) -> None:
    bad, good = batch(line, {"model": "Qwen/Qwen3-8B", "gpu": "L40S"})
    assert bad["line"] == 1
    assert 10 < len(bad["error"]) < 300
    assert good["fits"] is True


def test_a_line_separator_inside_a_text_does_not_split_the_line() -> None:
    (answer,) = batch('{"model": "no\u2028model", "gpu": "L40S"}')
    assert answer["line"] == 1
    assert "no model" in answer["error"]


def test_flags_beside_a_batch_are_refused_not_ignored() -> None:
    result = run("--batch", "-", "--gpu", "H100", "--tp", "1", stdin="")
    assert isinstance(result.exception, click.UsageError)
    assert "--gpu, --tp: with --batch" in result.exception.message


def test_a_folder_without_a_config_is_named_with_the_file_that_lacks(tmp_path: Path) -> None:
    result = run("--hf-config", str(tmp_path), "--gpu", "L40S")
    assert isinstance(result.exception, InputError)
    assert result.exception.problems[0].file == str(tmp_path / "config.json")
