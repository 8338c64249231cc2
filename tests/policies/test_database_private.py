"""INF-SEC-013: databases are encrypted, and have no public address."""

from __future__ import annotations

import pytest
from database_graphs import with_database
from policy_graphs import compliant, messages, outcome

from inferstack.policy.types import Outcome
from inferstack.resources import UNKNOWN

RULE = "INF-SEC-013"


def test_without_a_database_there_is_nothing_to_judge() -> None:
    assert outcome(compliant(), RULE) is Outcome.NOT_APPLICABLE


def test_an_encrypted_private_one_passes() -> None:
    assert outcome(with_database(), RULE) is Outcome.PASS


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"storageEncrypted": False}, "not encrypted"),
        ({"storageEncrypted": None}, "not encrypted"),
        ({"publiclyAccessible": True}, "public address"),
    ],
)
def test_others_fail(changes: dict[str, object], said: str) -> None:
    assert said in messages(with_database(**changes), RULE)


@pytest.mark.parametrize("key", ["storageEncrypted", "publiclyAccessible"])
def test_what_is_unknown_is_undecided(key: str) -> None:
    assert outcome(with_database(**{key: UNKNOWN}), RULE) is Outcome.INDETERMINATE
