"""Guards of the account: the boundary of roles."""

from __future__ import annotations

import pytest

from tests.components import builders
from tests.components.running import build, preview

ROLE = "aws:iam/role:Role"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"


@pytest.mark.parametrize("build_arguments", [builders.prod, builders.groups, builders.adopted_cluster])
def test_every_role_made_is_bounded_when_asked(build_arguments: object) -> None:
    graph = preview(build(build_arguments(safety={"permissionsBoundary": BOUNDARY})))  # type: ignore[operator]
    roles = graph.of_type(ROLE)
    assert len(roles) >= 5
    assert {role.inputs.get("permissionsBoundary") for role in roles} == {BOUNDARY}


def test_replication_and_managed_prometheus_make_bounded_roles_too() -> None:
    graph = preview(
        build(
            builders.prod(
                safety={"permissionsBoundary": BOUNDARY},
                modelStore={"replicaRegions": ["eu-west-1"]},
                monitoring={"stack": "amp"},
            )
        )
    )
    assert {role.inputs.get("permissionsBoundary") for role in graph.of_type(ROLE)} == {BOUNDARY}
