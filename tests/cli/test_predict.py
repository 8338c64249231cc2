"""`inferstack predict`: the contract's fields, honest refusals, batches that survive every line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inferstack.cli import cli
from inferstack.errors import InputError

BASE = ("--model", "Qwen/Qwen3-8B", "--gpu", "H100", "--input-tokens", "1000", "--output-tokens", "200")


def predict(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["predict", *arguments], input=stdin, catch_exceptions=False)


def answer(*arguments: str) -> dict[str, Any]:
    done = predict(*BASE, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_json_has_the_fields_other_programs_rely_on() -> None:
    found = answer("--concurrency", "8")
    assert found["output_tokens_per_second"] > 0
    for latency in ("ttft_ms", "tpot_ms"):
        values = found[latency]
        assert set(values) == {"mean", "p50", "p95", "p99"}
        assert values["p50"] <= values["p95"] <= values["p99"]
    assert found["basis"] in {"measured", "interpolated", "extrapolated"}
    for name, mean in (
        ("output_tokens_per_second", found["output_tokens_per_second"]),
        ("ttft_ms", found["ttft_ms"]["mean"]),
        ("tpot_ms", found["tpot_ms"]["mean"]),
    ):
        assert found["range"][name]["low"] <= mean <= found["range"][name]["high"]


def test_more_at_a_time_gives_more_tokens_each_of_them_later() -> None:
    few, many = answer("--concurrency", "2"), answer("--concurrency", "64")
    assert many["output_tokens_per_second"] > few["output_tokens_per_second"]
    assert many["tpot_ms"]["mean"] > few["tpot_ms"]["mean"]


def test_a_rate_below_capacity_is_served_as_asked() -> None:
    assert answer("--request-rate", "1.5")["requests_per_second"] == pytest.approx(1.5, rel=0.01)


def test_saturation_is_said() -> None:
    found = answer("--request-rate", "inf")
    assert found["saturated"] is True
    assert found["output_tokens_per_second"] > answer("--concurrency", "8")["output_tokens_per_second"]


def test_an_endless_run_is_a_steady_state() -> None:
    assert "steady state" in predict(*BASE, "--concurrency", "100000000").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--concurrency", "4", "--request-rate", "1"), "exactly one of them"),
        ((), "exactly one of them"),
        (("--request-rate", "nan"), "request_rate"),
        (("--request-rate", "-1"), "request_rate"),
        (("--concurrency", "4", "--quantization", "int3"), "unknown quantization"),
        (("--concurrency", "4", "--gpu", "H1000"), "no GPU"),
        (("--concurrency", "4", "--tp", "3"), "cannot be divided"),
        (("--concurrency", "4", "--model", "meta-llama/Llama-3.1-405B-Instruct"), "does not fit"),
        (("--concurrency", "4", "--model", "Qwen/Qwen99"), "Qwen99"),
        (("--concurrency", "4", "--shared-prefix", "2"), "shared_prefix"),
        (
            ("--concurrency", "4", "--speculative-tokens", "3"),
            "speculative_tokens: means nothing without draft",
        ),
        (("--concurrency", "4", "--draft", "ngram"), "draft: means nothing without speculative_tokens"),
        (("--concurrency", "4", "--draft", "ngram", "--speculative-tokens", "17"), "1 to 16"),
        (
            ("--concurrency", "4", "--draft", "Qwen99", "--speculative-tokens", "3"),
            "draft: .*ngram, mtp, eagle3",
        ),
        (
            (
                "--concurrency",
                "4",
                "--draft",
                "ngram",
                "--speculative-tokens",
                "3",
                "--acceptance-rate",
                "1.1",
            ),
            "acceptance_rate: out of range .*0 to 1",
        ),
        (("--concurrency", "4", "--lora-rank", "16"), "lora_rank: means nothing without lora_adapters"),
        (("--concurrency", "4", "--lora-adapters", "0"), "lora_adapters: out of range"),
    ],
)
def test_a_question_without_an_answer_is_bad_input(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        predict(*BASE, *arguments)


def test_a_batch_answers_line_by_line_and_outlives_bad_lines() -> None:
    good = {
        "model": "Qwen/Qwen3-8B",
        "gpu": "h100-sxm",
        "input_tokens": 500,
        "output_tokens": 100,
        "concurrency": 4,
    }
    lines = [
        json.dumps(good),
        "{nonsense",
        json.dumps({**good, "gpu": "H1000"}),
        json.dumps({**good, "request_rate": "inf", "concurrency": None}),
    ]
    done = predict("--batch", "-", stdin="\n".join(lines) + "\n")
    assert done.exit_code == 0
    first, second, third, fourth = (json.loads(line) for line in done.stdout.splitlines())
    assert first["output_tokens_per_second"] > 0
    assert "error" in second
    assert "H1000" in third["error"]
    assert fourth["saturated"] is True


def test_an_embedding_model_is_predicted_without_output_tokens() -> None:
    done = predict(
        "--model", "intfloat/multilingual-e5-large-instruct", "--gpu", "L4",
        "--input-tokens", "250", "--output-tokens", "0", "--request-rate", "5", "--json",
    )  # fmt: skip
    found = json.loads(done.output)
    assert found["requests_per_second"] == pytest.approx(5, rel=0.01)
    assert found["ttft_ms"]["p95"] > 0


def test_speculation_and_adapters_are_asked_for_by_flags() -> None:
    plain = answer("--concurrency", "1")
    assert not {"speculation", "adapters"} & plain.keys()
    fast = answer(
        "--concurrency", "1", "--speculative-tokens", "3", "--draft", "mtp", "--acceptance-rate", "0.5"
    )
    assert fast["speculation"] == {
        "method": "mtp", "tokens": 3, "acceptance_rate": 0.5, "tokens_per_step": 1.875
    }  # fmt: skip
    assert fast["tpot_ms"]["mean"] < plain["tpot_ms"]["mean"]
    assert fast["basis"] == "extrapolated"
    slow = answer("--concurrency", "1", "--lora-adapters", "4")
    assert slow["adapters"] == {"count": 4, "rank": 16}
    assert slow["tpot_ms"]["mean"] > plain["tpot_ms"]["mean"]
    shown = predict(
        *BASE, "--concurrency", "1", "--speculative-tokens", "2", "--draft", "Qwen/Qwen3-0.6B"
    ).output
    assert "speculative decoding (draft_model): 2 tokens guessed, 55% of them" in shown


def test_a_batch_names_them_with_underscores() -> None:
    line = {
        "model": "Qwen/Qwen3-8B", "gpu": "H100", "input_tokens": 500, "output_tokens": 100, "concurrency": 4,
    }  # fmt: skip
    lines = [
        {**line, "speculative_tokens": 4, "draft": "ngram", "lora_adapters": 2, "lora_rank": 8},
        {**line, "speculative_tokens": 4, "draft": 7},
        {**line, "speculative_tokens": True, "draft": "ngram"},
    ]
    done = predict("--batch", "-", stdin="\n".join(json.dumps(item) for item in lines))
    first, second, third = (json.loads(text) for text in done.stdout.splitlines())
    assert first["speculation"]["method"] == "ngram"
    assert first["adapters"] == {"count": 2, "rank": 8}
    assert "draft: not a text" in second["error"]
    assert "speculative_tokens: out of range" in third["error"]


def test_ranks_share_experts_only_when_told_to() -> None:
    base = (
        "--model", "Qwen/Qwen3-30B-A3B", "--gpu", "H100", "--input-tokens", "1000", "--output-tokens", "200",
        "--request-rate", "8", "--json",
    )  # fmt: skip
    alone = json.loads(predict(*base, "--dp", "4").output)
    shared = json.loads(predict(*base, "--dp", "4", "--ep", "4").output)
    assert "dp" not in alone
    assert (shared["dp"], shared["basis"]) == (4, "extrapolated")
    assert alone["requests_per_second"] == pytest.approx(shared["requests_per_second"], rel=0.01)
    assert "4 x H100 (TP 1, PP 1, DP 4)" in predict(*base[:-1], "--dp", "4", "--ep", "4").output


def test_ranks_are_answered_in_their_steady_state() -> None:
    base = (
        "--model", "Qwen/Qwen3-30B-A3B", "--gpu", "H100", "--input-tokens", "1000", "--output-tokens", "200",
        "--dp", "4", "--ep", "4", "--concurrency", "64",
    )  # fmt: skip
    assert "steady state" in predict(*base).output
    assert predict(*base, "--num-prompts", "steady").exit_code == 0
    with pytest.raises(InputError, match=r"num_prompts.*steady state.*accepted: steady"):
        predict(*base, "--num-prompts", "640")
