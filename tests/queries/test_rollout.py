"""What `inferstack rollout` asks uses what the pinned versions export, and finds what the stack names."""

from __future__ import annotations

import pytest

from components import serving
from components.metrics import load_metrics
from components.pins import load_pins
from inferstack.rollout import queries
from inferstack.rollout.queries import ITL, TTFT, Asked, percent_sent
from tests.queries.lint import Query, lint
from tests.queries.test_runbooks import watched

METRICS = load_metrics(load_pins().image("vllm").version)
ASKED = Asked(workload="chat-v2", window_s=600)
QUESTIONS = {
    "sent": ASKED.sent(),
    "failed": ASKED.failed(),
    "up": ASKED.up(),
    "targets": ASKED.targets(),
    **{f"count {name}": ASKED.measured(name) for name in (TTFT, ITL)},
    **{f"within {name}": ASKED.within(name, 1500.0) for name in (TTFT, ITL)},
    **{f"p95 {name}": ASKED.p95_s(name) for name in (TTFT, ITL)},
    **{which: percent_sent("chat-v2", "chat", which) for which in ("min", "max")},
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_names_and_labels_are_exported(name: str) -> None:
    assert lint([Query(where=name, kind="panel", expr=QUESTIONS[name])], METRICS) == []


def test_servers_are_found_as_monitoring_finds_them() -> None:
    assert queries.SERVING == serving.NAMESPACE
    subject = watched()
    assert Asked(workload=subject.label, window_s=60).servers == subject.selector
