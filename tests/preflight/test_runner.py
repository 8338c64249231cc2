"""Running the checks: the whole list on a good account, a wrong one, none at all, and one that throttles."""

from __future__ import annotations

import socket

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from inferstack.errors import InputError, OutsideError
from inferstack.preflight.checks import CHECKS
from inferstack.preflight.checks.vcpu_quota import VCPU_QUOTA
from inferstack.preflight.run import choose, examine, resolve_host
from inferstack.preflight.text import report_lines, verdict_line
from inferstack.preflight.types import Status
from tests.preflight.conftest import ACCOUNT, needs, subject

NOT_TOUCHED = ("Create", "Delete", "Put", "Update", "Request", "Tag", "Run", "Modify", "Start", "Attach")


def test_all_fine(world):
    report = examine(subject(), CHECKS)
    assert {found.status for found in report.findings} == {Status.OK}, report.findings
    assert (report.account, report.failed, report.undecided) == (ACCOUNT, False, False)
    assert {found.check for found in report.findings} == {
        "account", "state", "secret", "vcpu-quota", "network-quota", "offering", "kubernetes", "cluster", "dns"
    }  # fmt: skip


def test_nothing_is_changed(world):
    examine(subject(), CHECKS)
    assert len(world.asked) > 5
    assert not [name for name in world.asked if name.startswith(NOT_TOUCHED)]


def test_another_account_fails_and_is_asked_nothing_more(world):
    report = examine(subject(needs(account="999999999999")), CHECKS)
    assert world.asked == ["GetCallerIdentity"]
    (account,) = report.with_status(Status.FAIL)
    assert account.check == "account"
    assert "999999999999" in account.what
    assert ACCOUNT in account.what
    online = {check.id for check in CHECKS if check.online}
    assert {found.check for found in report.with_status(Status.UNKNOWN)} == online


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (NoCredentialsError(), "no AWS credentials that work"),
        (EndpointConnectionError(endpoint_url="https://sts.eu-central-1.amazonaws.com"), "cannot be reached"),
    ],
)
def test_no_credentials_and_no_network_end_it_with_one_message(world, error, says):
    world.answers["GetCallerIdentity"] = error
    with pytest.raises(OutsideError, match=says):
        examine(subject(), CHECKS)
    assert world.asked == ["GetCallerIdentity"]


def test_expired_credentials_end_it_too(world):
    world.fail("GetCallerIdentity", "ExpiredToken", "The security token is expired")
    with pytest.raises(OutsideError, match=r"ExpiredToken.*aws sso login"):
        examine(subject(), CHECKS)


def test_credentials_really_missing(world, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    with pytest.raises(OutsideError, match="no AWS credentials that work"):
        examine(subject(), CHECKS)


def test_a_profile_that_is_not_there(world, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(OutsideError, match="nobody"):
        examine(subject(), CHECKS)


def test_throttling_makes_a_check_unknown_and_the_others_go_on(world):
    world.fail("DescribeInstances", "RequestLimitExceeded", "Request limit exceeded.")
    report = examine(subject(), CHECKS)
    (unknown,) = report.with_status(Status.UNKNOWN)
    assert unknown.check == "vcpu-quota"
    assert "ec2:describe_instances: RequestLimitExceeded" in unknown.what
    assert report.undecided
    assert not report.failed
    assert len(report.with_status(Status.OK)) == 10


def test_every_api_error_is_unknown_and_never_ok(world):
    """Each operation refused in turn: the checks that asked it say so."""
    report = examine(subject(), CHECKS)
    good = [found.check for found in report.findings]
    online = set(world.asked) - {"GetCallerIdentity"}
    assert len(online) >= 6
    for operation in sorted(online):
        world.answers.clear()
        world.fail(operation, "AccessDeniedException", "not allowed")
        found = examine(subject(), CHECKS).findings
        unknown = [one for one in found if one.status is Status.UNKNOWN]
        assert unknown, operation
        assert all("allow " in (one.fix or "") for one in unknown), operation
        assert len([one for one in found if one.status is Status.OK]) < len(good), operation


def test_a_refusal_names_the_action_to_allow(look, world):
    world.fail("GetServiceQuota", "AccessDeniedException", "no")
    (found,) = look(VCPU_QUOTA)
    assert found.fix == "allow servicequotas:GetServiceQuota to these credentials"


def test_checks_are_chosen_by_id():
    assert [check.id for check in choose(CHECKS, ["dns", "account"])] == ["account", "dns"]
    assert choose(CHECKS, ()) == CHECKS
    with pytest.raises(InputError, match=r"no such check.*quotas.*vcpu-quota"):
        choose(CHECKS, ["quotas"])


def test_ids_and_titles_are_unique():
    assert len({check.id for check in CHECKS}) == len({check.title for check in CHECKS}) == len(CHECKS)


def test_text_says_the_verdict_first_and_every_fix(world):
    world.quotas["L-417A185B"] = 0
    report = examine(subject(), CHECKS)
    lines = [line for _, line in report_lines(report)]
    assert lines[0] == verdict_line(report) == f"prod-eu ({ACCOUNT}, eu-central-1): 1 failed, 11 ok"
    assert sum("fix: aws service-quotas request-service-quota-increase" in line for line in lines) == 1
    quiet = [line for _, line in report_lines(report, quiet=True)]
    assert len(quiet) == 3


def test_a_host_without_address_is_not_an_error(monkeypatch):
    def refuse(code):
        def lookup(*_, **__):
            raise socket.gaierror(code, "no")

        return lookup

    monkeypatch.setattr(socket, "getaddrinfo", refuse(socket.EAI_NONAME))
    assert resolve_host("nowhere.example.eu") == ()
    monkeypatch.setattr(socket, "getaddrinfo", refuse(socket.EAI_AGAIN))
    with pytest.raises(OSError, match="no"):
        resolve_host("nowhere.example.eu")
