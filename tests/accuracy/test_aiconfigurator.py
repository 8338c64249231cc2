"""The recorded answers of AIConfigurator belong to the runs that are in the measurements, and the table says both."""

from __future__ import annotations

import json

from tests.accuracy.aiconfigurator import ANSWERS, asked, command, table
from tests.accuracy.held_out import Point
from tests.accuracy.serving import Case

DOCUMENT = json.loads(ANSWERS.read_text(encoding="utf-8"))


def answered() -> list[Case]:
    return [case for case in asked() if "error" not in DOCUMENT["answers"][case.id]]


def test_every_run_that_can_be_asked_was_asked() -> None:
    assert {case.id for case in asked()} == set(DOCUMENT["answers"])
    assert len(answered()) >= 50


def test_answers_are_of_the_right_size() -> None:
    """A question put wrongly (tensor parallelism, batch, precision) would be off by factors."""
    for name in ("ttft_ms", "tpot_ms"):
        ratios = sorted(
            DOCUMENT["answers"][case.id][name] / case.measured()[name]
            for case in answered()
            if name in case.measured()
        )
        assert 0.5 < ratios[len(ratios) // 2] < 2
        assert ratios[0] > 0.1
        assert ratios[-1] < 10


def test_question_states_the_parallelism_and_the_load() -> None:
    case = next(case for case in asked() if case.deployment.tp == 4 and case.deployment.architecture.moe)
    words = command(case)
    assert words[words.index("--tp-size") + 1] == "4"
    assert words[words.index("--batch-size") + 1] == str(case.load.concurrency)
    assert words[words.index("--backend") + 1] == "vllm"


def test_table_compares_the_same_rows() -> None:
    case = answered()[0]
    measured = case.measured()["tpot_ms"]
    point = Point(case=case, name="tpot_ms", measured=measured, predicted=1.25 * measured)
    ttft = Point(case=case, name="ttft_ms", measured=100.0, predicted=150.0)
    lines = [line for line in table((point, ttft)) if line.startswith(("| TPOT", "| TTFT"))]
    assert len(lines) == 2
    assert "| 25.0% | 25% |" in lines[0]
    assert "| 50.0% | 50% |" in lines[1]
