"""What is committed about the pinned vLLM's arguments is true, and everything that is launched fits it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import vllm_objects
from components.pins import load_pins
from inferstack.catalog.load import load_catalog
from inferstack.review.launches import Launch, launches, refusals
from inferstack.spec.vllm_arguments import DATA, argument_list
from inferstack.spec.vllm_parser import describe, installed_check, installed_parser
from tests.components import builders
from tests.example_graphs import graph

KNOWN = argument_list()
SNAPSHOT: Mapping[str, Any] = yaml.safe_load((DATA / "vllm_snapshot.yaml").read_text(encoding="utf-8"))


def test_it_is_of_the_pinned_image() -> None:
    assert KNOWN.version == load_pins().image("vllm").version == "0.33.0"


def test_it_has_types_choices_parsers_and_what_is_gone() -> None:
    assert len(SNAPSHOT["arguments"]) >= 300
    assert KNOWN.known["max-lora-rank"].choices == (1, 8, 16, 32, 64, 128, 256, 320, 512)
    assert KNOWN.known["speculative-config"].type == "json"
    assert KNOWN.known["max-num-queued-reqs"].type == "int"
    assert KNOWN.known["enable-prefix-caching"].type == "flag"
    assert KNOWN.known["lora-modules"].many
    assert {"hermes", "llama3_json", "openai"} <= KNOWN.tool_parsers
    assert {"qwen3", "openai_gptoss"} <= KNOWN.reasoning_parsers
    assert "swap-space" in KNOWN.removed
    assert not KNOWN.removed.keys() & KNOWN.names


def test_successors_exist() -> None:
    assert {name for name in KNOWN.removed.values() if name} <= KNOWN.names


def test_parsers_of_the_catalog_are_the_pinned_versions() -> None:
    catalog = load_catalog()
    models = [catalog.model(name) for name in catalog.model_ids()]
    tools = {model.tool_call_parser for model in models} - {None}
    reasoning = {model.reasoning_parser for model in models} - {None}
    assert tools <= KNOWN.tool_parsers
    assert reasoning <= KNOWN.reasoning_parsers
    assert len(tools) > 10


def misfits(arguments: Sequence[str]) -> list[str]:
    """What the pinned version's parser would refuse."""
    found, position = [], 1
    while position < len(arguments):
        name = arguments[position].removeprefix("--")
        values = []
        while position + 1 < len(arguments) and not arguments[position + 1].startswith("--"):
            position += 1
            values.append(arguments[position])
        found += _misfit(name, values)
        position += 1
    return found


def _misfit(name: str, values: Sequence[str]) -> list[str]:
    argument = KNOWN.known.get(name) or KNOWN.known.get(name.removeprefix("no-"))
    if argument is None:
        return [f"{name} is unknown"]
    if argument.type in {"flag", "switch"}:
        return [f"{name} takes no value"] if values else []
    if not values or (len(values) > 1 and not argument.many):
        return [f"{name} has {len(values)} values"]
    if argument.choices and not set(values) <= {str(choice) for choice in argument.choices}:
        return [f"{name}: {values} not among {argument.choices}"]
    parse = {"int": int, "float": float, "json": json.loads}.get(argument.type, str)
    try:
        [parse(value) for value in values if not value.startswith("$(")]
    except ValueError:
        return [f"{name}: {values} is no {argument.type}"]
    return []


@pytest.mark.parametrize("name", ["dev", "prod-eu", "prod-us"])
def test_every_server_of_the_examples_would_start(name: str) -> None:
    found = launches(graph(name))
    assert found
    for launch in found:
        assert misfits(launch.arguments) == []


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["m", "--swap-space", "4"], "unknown"),
        (["m", "--max-lora-rank", "20"], "not among"),
        (["m", "--tensor-parallel-size", "four"], "no int"),
        (["m", "--enable-lora", "yes"], "takes no value"),
        (["m", "--speculative-config", "{method"], "no json"),
        (["m", "--max-num-seqs"], "has 0 values"),
    ],
)
def test_a_misfit_is_found(arguments: list[str], wrong: str) -> None:
    (found,) = misfits(arguments)
    assert wrong in found


def test_a_parser_is_described_by_what_it_takes() -> None:
    def optional(inner: Any) -> Any:
        def wrapped(text: str) -> Any:
            return None if text == "None" else inner(text)

        return wrapped

    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?")
    parser.add_argument("--flag", action=argparse.BooleanOptionalAction)
    parser.add_argument("--switch", "-s", action="store_true")
    parser.add_argument("--count", "--number", type=optional(int))
    parser.add_argument("--config", type=optional(json.loads))
    parser.add_argument("--one", choices=["a", "b", None])
    parser.add_argument("--many", nargs="+", type=float)
    assert describe(parser) == {
        "flag": {"names": ["flag", "no-flag"], "type": "flag"},
        "switch": {"names": ["switch"], "type": "switch"},
        "count": {"names": ["count", "number"], "type": "int"},
        "config": {"names": ["config"], "type": "json"},
        "one": {"names": ["one"], "type": "text", "choices": ["a", "b"]},
        "many": {"names": ["many"], "type": "float", "many": True},
    }


class TestInstalled:
    """With ``pip install inferstack[vllm]``: vLLM's own parser has the last word."""

    @pytest.fixture
    def parser(self) -> argparse.ArgumentParser:
        vllm = pytest.importorskip("vllm", reason="vLLM is not installed (extra inferstack[vllm])")
        if vllm.__version__ != KNOWN.version:
            pytest.skip(f"vLLM {vllm.__version__} is installed, {KNOWN.version} is pinned")
        return installed_parser()

    def test_it_accepts_what_the_snapshot_says(self, parser: argparse.ArgumentParser) -> None:
        real = {name: entry["type"] for name, entry in describe(parser).items()}
        assert real == {name: entry["type"] for name, entry in SNAPSHOT["arguments"].items()}

    @pytest.mark.parametrize("name", ["dev", "prod-eu", "prod-us"])
    def test_it_takes_every_command_line(self, name: str, parser: argparse.ArgumentParser) -> None:
        assert refusals(parser, installed_check(), launches(graph(name))) == []

    def test_it_refuses_what_it_does_not_know(self, parser: argparse.ArgumentParser) -> None:
        bad = Launch(server="chat", arguments=("m", "--swap-space", "4"))
        (found,) = refusals(parser, installed_check(), [bad])
        assert "--swap-space" in found.message

    def test_it_refuses_what_does_not_go_together(self, parser: argparse.ArgumentParser) -> None:
        bad = Launch(server="chat", arguments=("m", "--enable-auto-tool-choice"))
        (found,) = refusals(parser, installed_check(), [bad])
        assert "--tool-call-parser" in found.message


QWEN3_MOE = {
    "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "hidden_size": 1024, "head_dim": 64,
    "intermediate_size": 2048, "moe_intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 16,
    "num_key_value_heads": 4, "num_experts": 64, "num_experts_per_tok": 8, "vocab_size": 1024,
    "max_position_embeddings": 32768, "torch_dtype": "bfloat16", "decoder_sparse_step": 1,
}  # fmt: skip


class TestInstalledRanks:
    """What vLLM itself makes of the arguments of data-parallel ranks."""

    @pytest.fixture
    def model(self, tmp_path: Path) -> Path:
        """A mixture's configuration; nothing is loaded."""
        (tmp_path / "config.json").write_text(json.dumps(QWEN3_MOE), encoding="utf-8")
        return tmp_path

    def parallel(self, model: Path, who: str) -> tuple[Any, Any]:
        """vLLM's own view of one node of the group, the variables filled in as they would be there."""
        vllm = pytest.importorskip("vllm", reason="vLLM is not installed (extra inferstack[vllm])")
        document = vllm_objects.leader_worker_set(builders.server_spec(builders.rank_group_plan()))
        template = document["spec"]["leaderWorkerTemplate"][f"{who}Template"]
        words = template["spec"]["containers"][0]["args"]
        local = "127.0.0.1"
        values = {
            "$(LWS_GROUP_SIZE)": "2", "$(LWS_WORKER_INDEX)": "0" if who == "leader" else "1",
            "$(LWS_LEADER_ADDRESS)": local, "$(POD_IP)": local, "runai_streamer": "dummy",
        }  # fmt: skip
        at = words.index("--model-loader-extra-config")
        words = [values.get(word, word) for word in (*words[1:at], *words[at + 2 :])]
        told = installed_parser().parse_args([str(model), "--skip-tokenizer-init", *words])
        told.model = told.model_tag
        config = vllm.AsyncEngineArgs.from_cli_args(told).create_engine_config(headless=told.headless)
        return told, config.parallel_config

    @pytest.mark.parametrize(("who", "first"), [("leader", 0), ("worker", 4)])
    def test_ranks_follow_from_the_place_in_the_group(self, model: Path, who: str, first: int) -> None:
        told, found = self.parallel(model, who)
        assert (found.data_parallel_size, found.data_parallel_size_local) == (8, 4)
        assert (found.data_parallel_rank, found.tensor_parallel_size) == (first, 2)
        assert found.node_rank_within_dp == 0  # a worker runs engines, not a part of the leader's
        assert not found.local_engines_only  # the leader's front ends balance over the ranks of both nodes
        assert found.data_parallel_rpc_port == 29550
        assert found.enable_expert_parallel
        assert told.headless is (who == "worker")
