"""INF-REL-005: a production database is kept: deletion protection, a final snapshot, backups."""

from __future__ import annotations

from dataclasses import replace

import pytest
from database_graphs import with_database
from policy_graphs import ENVIRONMENT, messages, outcome

from inferstack.policy.types import Outcome
from inferstack.resources import UNKNOWN

RULE = "INF-REL-005"


def test_a_kept_one_passes() -> None:
    assert outcome(with_database(), RULE) is Outcome.PASS


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"deletionProtection": False}, "deleted by one command"),
        ({"skipFinalSnapshot": True}, "no snapshot"),
        ({"skipFinalSnapshot": None}, "no snapshot"),
        ({"backupRetentionPeriod": 0}, "no backups"),
    ],
)
def test_one_that_can_be_lost_fails(changes: dict[str, object], said: str) -> None:
    assert said in messages(with_database(**changes), RULE)


def test_outside_production_it_may_be_lost() -> None:
    resources = with_database(deletionProtection=False)
    environment = resources[ENVIRONMENT]
    resources[ENVIRONMENT] = replace(environment, inputs={**environment.inputs, "production": False})
    assert outcome(resources, RULE) is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("key", ["deletionProtection", "skipFinalSnapshot", "backupRetentionPeriod"])
def test_what_is_unknown_is_undecided(key: str) -> None:
    assert outcome(with_database(**{key: UNKNOWN}), RULE) is Outcome.INDETERMINATE
