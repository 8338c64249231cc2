"""INF-LIC-005: no model whose licence excludes the company's home (Llama 4 multimodal and the EU)."""

from __future__ import annotations

from policy_graphs import SERVICE, changed, compliant, messages, outcome

from inferstack.policy.types import Outcome

RULE = "INF-LIC-005"


def test_a_licence_without_exclusion_is_not_judged() -> None:
    resources = compliant()
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


def test_a_company_at_home_in_the_union_fails() -> None:
    resources = changed(
        SERVICE,
        {"model": "meta-llama/Llama-4-Scout-17B-16E-Instruct", "usage.companyDomicile": "DE"},
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.FAIL
    assert "gives no rights to companies in DE" in messages(resources, RULE)


def test_a_company_at_home_elsewhere_passes() -> None:
    resources = changed(
        SERVICE,
        {"model": "meta-llama/Llama-4-Scout-17B-16E-Instruct", "usage.companyDomicile": "US"},
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.PASS


def test_an_unstated_home_cannot_be_cleared() -> None:
    resources = changed(SERVICE, {"model": "meta-llama/Llama-4-Scout-17B-16E-Instruct"}, without=("licence",))
    assert outcome(resources, RULE) is Outcome.INDETERMINATE
    assert "companyDomicile is not stated" in messages(resources, RULE)


def test_no_users_or_seat_in_the_union_passes() -> None:
    resources = changed(
        SERVICE,
        {"model": "meta-llama/Llama-4-Scout-17B-16E-Instruct", "usage.euUsers": False},
        without=("licence",),
    )
    assert outcome(resources, RULE) is Outcome.PASS
