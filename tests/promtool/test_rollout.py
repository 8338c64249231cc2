"""A rollout's questions and its alert under Prometheus' own evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.rules import Group, rule_spec
from components.rules_rollout import rollout_rules
from inferstack.rollout import queries
from inferstack.rollout.queries import Asked
from inferstack.spec.derive import Limits
from tests.promtool.tool import Promtool
from tests.queries.test_runbooks import watched

pytestmark = pytest.mark.promtool
NEW, OLD = "chat-v2", "chat"
WINDOW_S = 600
LIMITS = Limits(error_rate=0.02, ttft_p95_ms=1500.0, itl_p95_ms=None, step_s=WINDOW_S)
ASKED = Asked(workload=NEW, window_s=WINDOW_S)


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{inside}}}", "values": values}


def sent(values: str, *, version: str = NEW, group: str = OLD, **labels: str) -> dict[str, str]:
    return series(queries.SENT, values, model_id=f"{group}/{version}", **labels)


def failed(values: str, *, status: str = "500", **labels: str) -> dict[str, str]:
    return series(queries.FAILED, values, model_id=f"{OLD}/{NEW}", exception_status=status, **labels)


def first_tokens(late: str, total: str) -> list[dict[str, str]]:
    """Cumulative: those within the limit, and all."""
    where = {"namespace": queries.SERVING, "workload": NEW, "pod": "a"}
    return [
        series(f"{queries.TTFT}_bucket", late, le="1.5", **where),
        series(f"{queries.TTFT}_bucket", total, le="+Inf", **where),
        series(f"{queries.TTFT}_count", total, **where),
    ]


def run(
    promtool: Promtool,
    folder: Path,
    given: list[dict[str, str]],
    *,
    at: str = "20m",
    asks: dict[str, float | None] | None = None,
    limits: set[str] | None = None,
) -> None:
    """``asks``: values by query; ``limits``: those that the alert must say are broken."""
    subject = watched()
    from dataclasses import replace

    facts = replace(subject.facts, workload=NEW, owner=None)
    subject = replace(subject, facts=facts, takes_over=LIMITS, served_model_name=NEW)
    spec = rule_spec([Group(name="rollout", rules=tuple(rollout_rules(subject)))])
    (folder / "rules.yaml").write_text(yaml.safe_dump(spec))
    (alert,) = spec["groups"][0]["rules"]
    expected = [
        {
            "exp_labels": {"severity": alert["labels"]["severity"], "limit": name},
            "exp_annotations": alert["annotations"],
        }
        for name in sorted(limits or ())
    ]
    test: dict[str, Any] = {"interval": "1m", "input_series": given}
    if limits is not None:
        test["alert_rule_test"] = [{"eval_time": at, "alertname": alert["alert"], "exp_alerts": expected}]
    test["promql_expr_test"] = [
        {
            "expr": query,
            "eval_time": at,
            "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
        }
        for query, value in (asks or {}).items()
    ]
    document = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    done = promtool.test(document, folder)
    assert done.returncode == 0, done.stdout + done.stderr


class TestCounts:
    def test_a_series_that_was_always_there_counts_what_it_grew(self, promtool, tmp_path) -> None:
        run(promtool, tmp_path, [sent("0+10x40")], asks={ASKED.sent(): 100})

    def test_a_failure_that_is_seen_once_counts_whole(self, promtool, tmp_path) -> None:
        """`increase` finds nothing: the series came with its height."""
        given = [sent("0+10x40"), failed("_x15 7x20")]
        run(promtool, tmp_path, given, asks={ASKED.failed(): 7})

    def test_many_series_born_with_the_step_count_whole(self, promtool, tmp_path) -> None:
        """As the pods of the gateway are new at every step."""
        given = [
            sent("_x12 5+5x20", pod="a"),
            sent("_x13 4+4x20", pod="b"),
            failed("_x14 1x20", pod="a", status="503"),
            failed("_x15 2x20", pod="b"),
        ]
        # at 20 minutes: eight scrapes of the one after its first, seven of the other
        run(promtool, tmp_path, given, asks={ASKED.sent(): 45 + 32, ASKED.failed(): 3})

    def test_nothing_failed_is_a_count_and_nothing_sent_is_not(self, promtool, tmp_path) -> None:
        asks = {ASKED.failed(): 0.0, Asked(workload=OLD, window_s=WINDOW_S).sent(): None}
        run(promtool, tmp_path, [sent("0+10x40")], asks=asks)

    def test_what_callers_did_wrong_is_no_failure(self, promtool, tmp_path) -> None:
        given = [failed("0+10x40", status=code) for code in ("400", "404", "413", "422", "499")]
        given += [failed("0+10x40", status=code) for code in ("408", "429", "500", "503")]
        run(promtool, tmp_path, [sent("0+100x40"), *given], asks={ASKED.failed(): 400})

    def test_other_versions_and_external_backends_are_not_this_one(self, promtool, tmp_path) -> None:
        given = [
            sent("0+10x40"),
            sent("0+10x40", group=NEW),
            sent("0+10x40", version=OLD),
            sent("0+10x40", version=f"x/{NEW}"),
            sent("0+10x40", version="chat-v22"),
        ]
        run(promtool, tmp_path, given, asks={ASKED.sent(): 200})


class TestWeights:
    def weight(self, pod: str, new: str | None, old: str | None) -> list[dict[str, str]]:
        shares = ((NEW, new), (OLD, old), ("openai/gpt", "10x40"))
        return [
            series(queries.WEIGHT, values, requested_model=OLD, model_id=f"{OLD}/{version}", pod=pod)
            for version, values in shares
            if values is not None
        ]

    def test_the_share_of_external_backends_is_left_out(self, promtool, tmp_path) -> None:
        given = self.weight("a", "22.5x40", "67.5x40")
        run(promtool, tmp_path, given, asks={queries.percent_sent(NEW, OLD, "min"): 25})

    def test_pods_that_are_not_replaced_yet_are_seen(self, promtool, tmp_path) -> None:
        given = [*self.weight("a", None, "90x40"), *self.weight("b", "45x40", "45x40")]
        asks = {queries.percent_sent(NEW, OLD, which): value for which, value in (("min", 0), ("max", 50))}
        run(promtool, tmp_path, given, asks=asks)

    def test_at_the_end_all_go_to_the_new_version(self, promtool, tmp_path) -> None:
        run(
            promtool,
            tmp_path,
            self.weight("a", "90x40", None),
            asks={queries.percent_sent(NEW, OLD, "max"): 100},
        )

    def test_no_gateway_is_no_answer(self, promtool, tmp_path) -> None:
        run(promtool, tmp_path, [sent("0+1x40")], asks={queries.percent_sent(NEW, OLD, "min"): None})


class TestAlert:
    @pytest.mark.parametrize(
        ("per_minute", "broken", "limits"),
        [
            ("0+100x40", "0+5x40", {"errors"}),  # 5 % of 1,000
            ("0+100x40", "0+2x40", set()),  # at the limit
            ("0+100x40", "0+1x40", set()),
            ("0+1x40", "0+1x40", set()),  # all of ten: too few to say
            ("0+5x40", "0+0x40", set()),
        ],
    )
    def test_errors(self, promtool, tmp_path, per_minute: str, broken: str, limits: set[str]) -> None:
        run(promtool, tmp_path, [sent(per_minute), failed(broken)], limits=limits)

    def test_two_failures_are_bad_luck(self, promtool, tmp_path) -> None:
        run(promtool, tmp_path, [sent("0+3x40"), failed("_x15 2x30")], limits=set())

    @pytest.mark.parametrize(("within", "limits"), [("0+80x40", {"ttft"}), ("0+96x40", set())])
    def test_late_first_tokens(self, promtool, tmp_path, within: str, limits: set[str]) -> None:
        run(promtool, tmp_path, first_tokens(within, "0+100x40"), limits=limits)

    def test_both_are_said(self, promtool, tmp_path) -> None:
        given = [sent("0+100x40"), failed("0+10x40"), *first_tokens("0+50x40", "0+100x40")]
        run(promtool, tmp_path, given, limits={"errors", "ttft"})

    def test_silence_is_silent(self, promtool, tmp_path) -> None:
        """No request at all: the command says unknown, and an alert would never end."""
        run(promtool, tmp_path, [sent("5x40"), failed("2x40")], limits=set())
