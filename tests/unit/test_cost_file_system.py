"""FSx for Lustre: provisioned storage, at the price of its throughput class."""

from __future__ import annotations

import pytest
from cost_graphs import ENVIRONMENT, UNPRICED, amounts, bill, resource

from inferstack.resources import UNKNOWN, Resource


def lustre(**changes: object) -> Resource:
    inputs = {
        "deploymentType": "PERSISTENT_2",
        "storageType": "SSD",
        "perUnitStorageThroughput": 1000,
        "storageCapacity": 1200,
        **changes,
    }
    return resource("aws:fsx/lustreFileSystem:LustreFileSystem", "weights", inputs, parent=ENVIRONMENT)


def test_provisioned_storage_by_hand() -> None:
    # 1,200 GB x $0.60
    assert amounts(lustre()) == ["720.00"]


@pytest.mark.parametrize(
    "changes",
    [
        {"perUnitStorageThroughput": 125},
        {"deploymentType": "SCRATCH_2"},
        {"storageCapacity": None},
        {"storageCapacity": UNKNOWN},
    ],
)
def test_what_has_no_price_or_no_size_is_a_gap(changes: dict[str, object]) -> None:
    assert amounts(lustre(**changes)) == [None]


def test_a_region_without_a_price_is_a_gap() -> None:
    assert amounts(lustre(), region=UNPRICED) == [None]


def test_the_link_to_the_bucket_is_free_and_its_claim_is_no_disk() -> None:
    claim = {"spec": {"storageClassName": "", "resources": {"requests": {"storage": "1200Gi"}}}}
    found = bill(
        resource("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation", parent=ENVIRONMENT),
        resource("kubernetes:core/v1:PersistentVolumeClaim", "weights", claim, parent=ENVIRONMENT),
    )
    assert not found.resources
    assert not found.not_priced
