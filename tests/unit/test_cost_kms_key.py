"""Customer-managed KMS keys."""

from __future__ import annotations

import pytest
from cost_graphs import ENVIRONMENT, amounts, resource


@pytest.mark.parametrize("kind", ["aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey"])
def test_a_key_costs_a_dollar(kind: str) -> None:
    assert amounts(resource(kind, parent=ENVIRONMENT)) == ["1.00"]
