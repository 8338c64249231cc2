"""One scalar of a file changes, and not a byte beside it."""

from __future__ import annotations

import difflib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from inferstack.errors import InputError
from inferstack.rollout.rewrite import with_traffic

HEAD = "apiVersion: inferstack/v1 # ünïcode 日本\nkind: Workload\nname: chat-v2\n"
FLOW = HEAD + "rollout: {strategy: canary, replaces: chat, traffic: 5, steps: [5, 25]} # watch it\nslo: {}\n"
BLOCK = (
    HEAD + "rollout:\n  # who\n  replaces: chat # the old\n  traffic: 5   # now\n  steps: [5, 25]\nslo: {}\n"
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (FLOW, FLOW.replace("traffic: 5", "traffic: 25")),
        (BLOCK, BLOCK.replace("traffic: 5 ", "traffic: 25 ")),
        (BLOCK.replace("\n", "\r\n"), BLOCK.replace("traffic: 5 ", "traffic: 25 ").replace("\n", "\r\n")),
        (BLOCK.replace("traffic: 5", "'traffic': \"5\""), BLOCK.replace("traffic: 5", "'traffic': 25")),
        ("\ufeff" + FLOW, "\ufeff" + FLOW.replace("traffic: 5", "traffic: 25")),
        (
            "rollout:\n  replaces: chat # the old\n  strategy: canary\n",
            "rollout:\n  replaces: chat # the old\n  traffic: 25\n  strategy: canary\n",
        ),
        ("rollout:\n    replaces: chat", "rollout:\n    replaces: chat\n    traffic: 25"),
        ("rollout:\r\n  replaces: chat\r\n", "rollout:\r\n  replaces: chat\r\n  traffic: 25\r\n"),
        (
            "rollout: {replaces: chat, strategy: canary} # c\n",
            "rollout: {replaces: chat, traffic: 25, strategy: canary} # c\n",
        ),
        ("rollout: {\n  replaces: chat,\n}\n", "rollout: {\n  replaces: chat, traffic: 25,\n}\n"),
    ],
)
def test_the_scalar_alone_changes(before: str, after: str) -> None:
    assert with_traffic(before, 25, file="f") == after
    assert with_traffic(after, 25, file="f") == after


@given(st.integers(0, 100), st.sampled_from([FLOW, BLOCK]))
def test_the_diff_is_one_line(percent: int, text: str) -> None:
    after = with_traffic(text, percent, file="f")
    assert yaml.safe_load(after)["rollout"].pop("traffic") == percent
    changed = [line for line in difflib.ndiff(text.splitlines(), after.splitlines()) if line[0] in "+-"]
    assert len(changed) in ((0,) if percent == 5 else (2,))


@pytest.mark.parametrize("text", ["name: x\n", "rollout: canary\n", "rollout: {strategy: canary}\n"])
def test_a_file_without_a_rollout_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        with_traffic(text, 5, file="f")
