"""serving.vllm against the pinned argument list."""

from __future__ import annotations

import pytest

from inferstack.spec.vllm_arguments import argument_list, check_vllm
from inferstack.spec.workload import Workload


def judge(**arguments: object):
    spec = {
        "apiVersion": "inferstack/v1",
        "kind": "Workload",
        "name": "chat",
        "model": "Qwen/Qwen3-8B",
        "traffic": {"requestsPerDay": 1},
        "serving": {"vllm": {name.replace("_", "-"): value for name, value in arguments.items()}},
    }
    return list(check_vllm(Workload.model_validate(spec)))


def test_the_list_is_of_the_pinned_version_and_consistent():
    known = argument_list()
    assert known.version == "0.33.0"
    assert len(known.names) > 300
    assert known.reserved.keys() <= known.names
    assert not known.removed.keys() & known.names
    assert {successor for successor in known.removed.values() if successor} <= known.names


def test_real_arguments_pass():
    assert judge(enable_chunked_prefill=True, max_num_seqs=128, speculative_config={"method": "ngram"}) == []


@pytest.mark.parametrize(
    ("name", "said", "meant"),
    [
        ("max-num-seq", "not an argument of vLLM 0.33.0", "max-num-seqs"),
        ("enable-chunked-prefil", "not an argument", "enable-chunked-prefill"),
        ("zzzzzz", "not an argument", None),
        ("tensor-parallel-size", "cannot be set here: the plan chooses it", None),
        ("max-model-len", "cannot be set here: model.maxContext", None),
        ("api-key", "a secret never stands in a spec", None),
        ("cuda-graph-sizes", "no longer an argument", "cudagraph-capture-sizes"),
        ("swap-space", "no longer an argument", None),
        ("override-attention-dtype", "no longer an argument", None),
        ("disable-log-requests", "another name of enable-log-requests", None),
        ("device-memory-utilization", "another name of gpu-memory-utilization", None),
    ],
)
def test_other_arguments_are_told_why(name, said, meant):
    (found,) = judge(**{name: 1})
    assert found.path == ("serving", "vllm", name)
    assert said in found.message
    assert found.did_you_mean == meant


def test_a_secret_is_not_printed():
    (found,) = judge(api_key="hunter2")
    assert not found.shows_value
    assert "hunter2" not in str(found)


def test_negated_flags_are_written_as_false():
    (found,) = judge(no_enable_prefix_caching=True)
    assert found.accepted == "enable-prefix-caching: false"


def test_an_argument_without_a_value_is_told():
    (found,) = judge(seed=None)
    assert found.message == "is empty"


@pytest.mark.parametrize(
    ("name", "value", "said", "accepted"),
    [
        ("enable-prefix-caching", "yes", "a flag", "true or false"),
        ("max-num-seqs", "many", "not a whole number", "a whole number"),
        ("max-num-seqs", True, "not a whole number", "a whole number"),
        ("max-num-batched-tokens", "8k", "not a whole number", "a whole number"),
        ("max-num-seqs", 1.5, "not a whole number", "a whole number"),
        ("max-num-seqs", [1, 2], "a list", "a whole number"),
        ("gpu-memory-utilization", "0.9", "not a number", "a number"),
        ("structured-outputs-config", 3, "not a section", "a section"),
        ("dtype", "bf16", "not one of the accepted values", "auto, bfloat16"),
        ("cudagraph-capture-sizes", [1, 2], "takes a list, which cannot be passed here", None),
        ("allowed-media-domains", "example.com", "takes a list", None),
    ],
)
def test_values_of_the_wrong_type_are_told_what_is_wanted(name, value, said, accepted):
    (found,) = judge(**{name: value})
    assert said in found.message
    assert (found.accepted or "").startswith(accepted or "")
    assert (found.accepted is None) == (accepted is None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enable-prefix-caching", False),
        ("max-num-batched-tokens", 8192),
        ("gpu-memory-utilization", 1),
        ("structured-outputs-config", {"backend": "xgrammar"}),
        ("dtype", "half"),
        ("seed", 7),
        ("kv-cache-dtype", "fp8"),
    ],
)
def test_values_that_the_command_line_holds_pass(name, value):
    assert judge(**{name: value}) == []
