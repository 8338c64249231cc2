"""Quotas, offerings, reservations: what an account may start, and where."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from inferstack.preflight.checks.network_quota import NETWORK_QUOTA
from inferstack.preflight.checks.offering import OFFERING
from inferstack.preflight.checks.reservation import RESERVATION
from inferstack.preflight.checks.vcpu_quota import VCPU_QUOTA
from inferstack.preflight.quotas import quotas
from inferstack.preflight.types import Status
from tests.preflight.conftest import REGION, needs, pool

INCREASE = "aws service-quotas request-service-quota-increase --service-code {} --quota-code {} --desired-value {} --region eu-central-1"


def test_a_missing_quota_fails_with_the_exact_request(look, world):
    world.quotas["L-417A185B"] = 96
    p, standard = look(VCPU_QUOTA)
    assert (p.status, standard.status) == (Status.FAIL, Status.OK)
    assert p.what == (
        '"Running On-Demand P instances" (L-417A185B) is 96 vCPU; needed: 192'
        " and up to 288 in rollouts and when scaled out"
    )
    assert p.fix == INCREASE.format("ec2", "L-417A185B", 288)


def test_a_quota_that_only_a_rollout_exceeds_warns(look, world):
    world.quotas["L-417A185B"] = 287
    assert look(VCPU_QUOTA)[0].status is Status.WARN
    world.quotas["L-417A185B"] = 288
    assert look(VCPU_QUOTA)[0].status is Status.OK


def test_pools_of_one_family_add_up_and_spot_is_apart(look, world):
    world.quotas |= {"L-DB2E81BA": 40, "L-3819A6DF": 7}
    g = {"instance_type": "g6e.2xlarge", "instance_types": ("g6e.2xlarge", "g6e.4xlarge")}
    pools = (
        pool(**g, workload="a", nodes=1, max_nodes=2),
        pool(workload="b", instance_type="g5.xlarge", instance_types=("g5.xlarge",), nodes=3, max_nodes=3),
        pool(**g, workload="c", purchase="spot", nodes=1, max_nodes=1),
    )
    found = {
        one.what.partition(")")[0].rpartition("(")[2]: one
        for one in look(VCPU_QUOTA, wanted=needs(pools=pools))
    }
    assert found["L-DB2E81BA"].status is Status.WARN  # 1 x 16 + 3 x 4 = 28, at most 2 x 16 + 12 = 44
    assert found["L-DB2E81BA"].fix == INCREASE.format("ec2", "L-DB2E81BA", 44)
    assert found["L-3819A6DF"].status is Status.FAIL
    assert found["L-3819A6DF"].fix == INCREASE.format("ec2", "L-3819A6DF", 16)


def run_instances(world, instance_type, count, tags):
    ec2 = world.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    specification = [{"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]
    ec2.run_instances(
        ImageId=image,
        InstanceType=instance_type,
        MinCount=count,
        MaxCount=count,
        **({"TagSpecifications": specification} if tags else {}),
    )


def test_what_others_run_is_taken_off_and_ones_own_is_not(look, world):
    world.quotas["L-417A185B"] = 288
    run_instances(world, "p4d.24xlarge", 2, {"inferstack.dev/environment": "prod-eu"})
    assert look(VCPU_QUOTA)[0].status is Status.OK
    run_instances(world, "p4d.24xlarge", 1, {})
    found = look(VCPU_QUOTA)[0]
    assert found.status is Status.WARN
    assert "used by others" in found.what
    used = int(re.search(r"(\d+) used by others", found.what)[1])
    assert used > 0
    assert found.fix == INCREASE.format("ec2", "L-417A185B", used + 288)


def test_warm_nodes_count_from_the_start_and_standby_pools_only_at_their_most(look, world):
    pools = (pool(nodes=1, max_nodes=1, warm_nodes=1), pool(standby=True, nodes=1, max_nodes=2))
    world.quotas["L-417A185B"] = 191
    found = look(VCPU_QUOTA, wanted=needs(pools=pools))[0]
    assert (found.status, "needed: 192 and up to 384" in found.what) == (Status.FAIL, True)
    world.quotas["L-417A185B"] = 192
    assert look(VCPU_QUOTA, wanted=needs(pools=pools))[0].status is Status.WARN


def test_stopped_instances_do_not_count(look, world):
    run_instances(world, "p4d.24xlarge", 1, {})
    ec2 = world.client("ec2")
    ids = [i["InstanceId"] for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    ec2.stop_instances(InstanceIds=ids)
    assert "used by others" not in look(VCPU_QUOTA)[0].what


def test_an_account_that_never_had_a_limit_has_the_default(look, world):
    del world.quotas["L-417A185B"]
    world.answers["GetAWSDefaultServiceQuota"] = {"Quota": {"Value": 0.0}}
    found = look(VCPU_QUOTA)[0]
    assert (found.status, "is 0 vCPU" in found.what) == (Status.FAIL, True)


def test_a_type_whose_quota_nobody_knows_is_unknown(look):
    odd = pool(instance_type="p6-b200.48xlarge", instance_types=("p6-b200.48xlarge",), purchase="spot")
    found = look(VCPU_QUOTA, wanted=needs(pools=(odd,)))
    assert found[0].status is Status.UNKNOWN
    assert "list-service-quotas" in found[0].fix


def test_reserved_capacity_is_counted_where_it_was_reserved(look):
    reserved = pool(purchase="capacity-block", reservation_id="cr-0123456789abcdef0")
    (only,) = look(VCPU_QUOTA, wanted=needs(pools=(reserved,)))
    assert "Standard" in only.what


@pytest.mark.parametrize(
    ("instance_type", "kind", "code"),
    [
        ("g6e.xlarge", "on-demand", "L-DB2E81BA"),
        ("vt1.3xlarge", "on-demand", "L-DB2E81BA"),
        ("p5en.48xlarge", "on-demand", "L-417A185B"),
        ("p5en.48xlarge", "spot", "L-C4BD4855"),
        ("p4d.24xlarge", "spot", "L-7212CCBC"),
        ("m7i.large", "on-demand", "L-1216C47A"),
        ("t3.micro", "spot", "L-34B43A08"),
        ("trn1.2xlarge", "on-demand", None),
        ("inf2.xlarge", "on-demand", None),
        ("mac2.metal", "on-demand", None),
        ("hpc7g.4xlarge", "on-demand", None),
        ("u-6tb1.metal", "on-demand", None),
        ("x2gd.large", "on-demand", None),
    ],
)
def test_which_quota_an_instance_counts_against(instance_type, kind, code):
    counting = [quota.code for quota in quotas().values() if quota.counts(instance_type, kind)]
    assert counting == ([code] if code else [])


def test_every_quota_the_catalog_names_is_known(catalog):
    for instance in catalog.instances():
        for kind, code in (("on-demand", instance.quota_on_demand), ("spot", instance.quota_spot)):
            if code is not None:
                assert quotas()[code].counts(instance.id, kind), instance.id


@pytest.fixture(scope="module")
def catalog():
    from inferstack.catalog.load import load_catalog

    return load_catalog()


def test_addresses_and_networks(look, world):
    world.quotas["L-0263D0A3"] = 3
    vpcs, addresses = look(NETWORK_QUOTA)
    assert (vpcs.status, addresses.status) == (Status.OK, Status.OK)
    ec2 = world.client("ec2")
    ec2.allocate_address(Domain="vpc")
    for _ in range(4):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    vpcs, addresses = look(NETWORK_QUOTA)
    assert (vpcs.status, addresses.status) == (Status.FAIL, Status.FAIL)
    assert vpcs.fix == INCREASE.format("vpc", "L-F678F1CE", 6)
    assert addresses.fix == INCREASE.format("ec2", "L-0263D0A3", 4)


def test_nothing_is_asked_where_nothing_is_made(look, world):
    assert look(NETWORK_QUOTA, wanted=needs(vpcs=0, elastic_ips=0)) == ()
    assert "DescribeVpcs" not in world.asked


def test_offered_types(look):
    gpu, system = look(OFFERING)
    assert (gpu.status, system.status) == (Status.OK, Status.OK)
    assert gpu.what == "p4d.24xlarge in euc1-az2"


def test_a_type_that_no_planned_zone_has_fails(look, world):
    offered = world.client("ec2").describe_instance_type_offerings(
        LocationType="availability-zone-id", Filters=[{"Name": "instance-type", "Values": ["p4d.24xlarge"]}]
    )["InstanceTypeOfferings"]
    elsewhere = {"euc1-az1", "euc1-az2", "euc1-az3"} - {one["Location"] for one in offered}
    assert offered
    missing = look(OFFERING, wanted=needs(pools=(pool(zones=("euc1-az9",)),)))[0]
    assert missing.status is Status.FAIL
    assert "p4d.24xlarge is not offered in euc1-az9" in missing.what
    assert "it is in euc1-az" in missing.fix
    standby = pool(zones=("euc1-az9",), standby=True)
    assert look(OFFERING, wanted=needs(pools=(standby,)))[0].status is Status.WARN
    for zone in elsewhere:
        assert look(OFFERING, wanted=needs(pools=(pool(zones=(zone, "euc1-az2")),)))[0].status is Status.WARN


def test_a_second_choice_that_is_not_there_warns(look, world):
    world.answers["DescribeInstanceTypeOfferings"] = {
        "InstanceTypeOfferings": [{"InstanceType": "g6e.xlarge", "Location": "euc1-az2"}]
    }
    two = pool(instance_type="g6e.xlarge", instance_types=("g6e.xlarge", "g6e.2xlarge"))
    gpu, system = look(OFFERING, wanted=needs(pools=(two,)))
    assert gpu.status is Status.WARN
    assert "g6e.2xlarge (second choice)" in gpu.what
    assert system.status is Status.FAIL
    assert "euc1-az2, euc1-az3" in system.what


BLOCK = {
    "CapacityReservationId": "cr-0123456789abcdef0",
    "InstanceType": "p4d.24xlarge",
    "AvailabilityZoneId": "euc1-az2",
    "TotalInstanceCount": 3,
    "AvailableInstanceCount": 3,
    "State": "active",
    "ReservationType": "capacity-block",
    "EndDate": dt.datetime(2027, 1, 10, 11, 30, tzinfo=dt.UTC),
}


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({}, Status.OK, "is active: 3 x p4d.24xlarge in euc1-az2, 3 free"),
        ({"State": "scheduled", "StartDate": dt.datetime(2026, 12, 1, 11, 30, tzinfo=dt.UTC)}, Status.WARN, "starts 2026-12-01 11:30 UTC"),
        ({"State": "expired"}, Status.FAIL, "is expired"),
        ({"InstanceType": "p5.48xlarge"}, Status.FAIL, "holds p5.48xlarge, planned is p4d.24xlarge"),
        ({"AvailabilityZoneId": "euc1-az1"}, Status.FAIL, "is in euc1-az1, planned is euc1-az2"),
        ({"TotalInstanceCount": 1}, Status.FAIL, "holds 1 instances, planned are 2"),
        ({"TotalInstanceCount": 2}, Status.WARN, "scaled out it takes 3"),
        ({"EndDate": dt.datetime(2026, 11, 27, 11, 30, tzinfo=dt.UTC)}, Status.WARN, "ends 2026-11-27 11:30 UTC; its instances end 30 minutes earlier"),
    ],
)  # fmt: skip
def test_reservations(look, world, change, status, says):
    world.answers["DescribeCapacityReservations"] = {"CapacityReservations": [BLOCK | change]}
    reserved = pool(purchase="capacity-block", reservation_id="cr-0123456789abcdef0")
    (found,) = look(RESERVATION, wanted=needs(pools=(reserved,)))
    assert found.status is status
    assert says in found.what
    assert found.where == f"{REGION}, workload chat"
    assert (found.fix is None) == (status is Status.OK)


def test_a_reservation_that_is_not_there_fails_and_an_error_is_unknown(look, world):
    reserved = needs(pools=(pool(reservation_id="cr-0123456789abcdef0"),))
    world.answers["DescribeCapacityReservations"] = {"CapacityReservations": []}
    assert look(RESERVATION, wanted=reserved)[0].status is Status.FAIL
    world.fail("DescribeCapacityReservations", "InvalidCapacityReservationId.NotFound")
    (found,) = look(RESERVATION, wanted=reserved)
    assert found.status is Status.FAIL
    world.fail("DescribeCapacityReservations", "InternalError")
    assert look(RESERVATION, wanted=reserved)[0].status is Status.UNKNOWN
    assert look(RESERVATION) == ()
