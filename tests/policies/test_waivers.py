"""INF-GOV-001, and waivers themselves: data with an owner, a reason and an end, reported when used."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from policy_graphs import (
    ENVIRONMENT,
    SERVICE,
    TODAY,
    changed,
    compliant,
    findings,
    judge,
    messages,
    outcome,
)

from inferstack.errors import InputError
from inferstack.policy.types import Outcome, Status, Waiver
from inferstack.policy.waivers import check_rule_ids, load_waivers
from inferstack.resources import UNKNOWN, Resource

RULE = "INF-GOV-001"
OWNERSHIP = "INF-CST-002"
ACCEPTED = {
    "rule": OWNERSHIP,
    "scope": "chat",
    "owner": "team-platform",
    "reason": "moves to team-support in December",
    "expires": "2026-12-31",
}


def waived(**changes: Any) -> dict[str, Resource]:
    """An environment whose workload has no owner, and a waiver for that."""
    waiver = {key: value for key, value in {**ACCEPTED, **changes}.items() if value is not None}
    resources = changed(SERVICE, {}, without=("owner",))
    resources[ENVIRONMENT] = changed(ENVIRONMENT, {"policy.waivers": [waiver]})[ENVIRONMENT]
    return resources


def test_no_waivers_are_not_judged() -> None:
    assert outcome(compliant(), RULE) is Outcome.NOT_APPLICABLE


def test_a_current_waiver_passes_and_is_reported_where_it_is_used() -> None:
    assert outcome(waived(), RULE) is Outcome.PASS
    (finding,) = findings(waived(), OWNERSHIP)
    assert finding.status is Status.WAIVED
    assert finding.waiver is not None
    assert finding.waiver.owner == "team-platform"
    assert not judge(waived(), OWNERSHIP).blocked


def test_a_waiver_holds_on_its_last_day_and_not_after() -> None:
    last, after = dt.date(2026, 12, 31), dt.date(2027, 1, 1)
    assert not judge(waived(), OWNERSHIP, last).blocked
    assert judge(waived(), OWNERSHIP, after).blocked
    assert outcome(waived(), RULE, last) is Outcome.PASS
    assert outcome(waived(), RULE, after) is Outcome.FAIL
    assert "expired on 2026-12-31" in messages(waived(), RULE, after)


@pytest.mark.parametrize("scope", ["chat", "ch*", f"{SERVICE}", "*VllmService*"])
def test_a_waiver_covers_what_its_scope_names(scope: str) -> None:
    assert not judge(waived(scope=scope), OWNERSHIP).blocked


@pytest.mark.parametrize("scope", ["other", "CHAT", "chat?"])
def test_a_waiver_covers_nothing_else(scope: str) -> None:
    assert judge(waived(scope=scope), OWNERSHIP).blocked


def test_a_waiver_of_another_rule_does_not_help() -> None:
    assert judge(waived(rule="INF-SEC-001"), OWNERSHIP).blocked


@pytest.mark.parametrize("missing", ["rule", "scope", "owner", "reason", "expires"])
def test_an_incomplete_waiver_fails_and_waives_nothing(missing: str) -> None:
    resources = waived(**{missing: None})
    assert outcome(resources, RULE) is Outcome.FAIL
    assert judge(resources, OWNERSHIP).blocked


def test_a_waiver_with_an_unknown_part_never_passes() -> None:
    assert outcome(waived(expires=UNKNOWN), RULE) is Outcome.FAIL


def test_a_waiver_with_a_key_nobody_knows_fails() -> None:
    assert "until is not part of a waiver" in messages(waived(until="2027-01-01"), RULE)


def test_a_waiver_without_effect_is_reported() -> None:
    resources = compliant()
    resources[ENVIRONMENT] = changed(ENVIRONMENT, {"policy.waivers": [ACCEPTED]})[ENVIRONMENT]
    from policy_graphs import KNOWLEDGE, RULES

    from inferstack.policy.run import evaluate

    report = evaluate(tuple(resources.values()), RULES, knowledge=KNOWLEDGE, today=TODAY)
    assert [waiver.rule for waiver in report.unused_waivers] == [OWNERSHIP]


def test_waivers_of_the_command_line_count_too() -> None:
    extra = Waiver(rule=OWNERSHIP, scope="*", owner="o", reason="r", expires=dt.date(2027, 1, 1))
    assert not judge(changed(SERVICE, {}, without=("owner",)), OWNERSHIP, waivers=(extra,)).blocked


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "waivers.yaml"
    path.write_text(text)
    return path


def test_a_file_of_waivers_is_read(tmp_path: Path) -> None:
    text = "kind: Waivers\nwaivers:\n- {rule: R, scope: s, owner: o, reason: r, expires: 2027-03-31}\n"
    (found,) = load_waivers(write(tmp_path, text))
    assert found.expires == dt.date(2027, 3, 31)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: Other", "not a waivers file"),
        ("[1, 2", "not readable as YAML"),
        ("[" * 5000, "not readable as YAML"),
        ("kind: Waivers\nwaivers: [{expires: 2026-13-45}]", "not readable as YAML"),
        ("kind: Waivers\nwaivers: 5", "waivers"),
        ("kind: Waivers\nwaivers: [5]", "waivers"),
        ("kind: Waivers\nwaivers: [{rule: R}]", "scope is required"),
        (
            "kind: Waivers\nwaivers: [{rule: R, scope: s, owner: o, reason: r, expires: soon}]",
            "must be a date",
        ),
    ],
)
def test_a_broken_file_is_refused_with_its_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        load_waivers(write(tmp_path, text))
    assert "waivers.yaml" in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such waivers file"):
        load_waivers(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        load_waivers(tmp_path)


def test_a_waiver_of_a_rule_that_does_not_exist_is_refused() -> None:
    waiver = Waiver(rule="INF-XXX-001", scope="*", owner="o", reason="r", expires=TODAY)
    with pytest.raises(InputError, match="INF-XXX-001"):
        check_rule_ids((waiver,), {OWNERSHIP})
