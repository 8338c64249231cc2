"""Names and places against a small catalog of the test's own."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pytest

from inferstack.errors import InputError, Problem
from inferstack.spec.checks import (
    Knowledge,
    check_environment,
    check_placement,
    check_scaling,
    check_workload,
)
from inferstack.spec.environment import Environment
from inferstack.spec.workload import Workload


@dataclass(frozen=True)
class Region:
    id: str
    groups: tuple[str, ...]
    zones: tuple[str, ...]
    control_plane_excluded_zones: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    version: str
    end_of_extended_support: dt.date

    def support(self, day):
        return "standard" if day <= self.end_of_extended_support else "ended"


REGIONS = {
    "eu-one-1": Region("eu-one-1", ("EU",), ("euo1-az1", "euo1-az2", "euo1-az3")),
    "us-two-2": Region("us-two-2", ("US",), ("ust2-az1", "ust2-az2"), ("ust2-az3",)),
    "us-new-3": Region("us-new-3", ("US",), ()),
}


class Catalog:
    """Two models, one instance type, three regions, two Kubernetes versions."""

    def _look(self, name, names):
        if name not in names:
            raise InputError(Problem(message=f"no {name}", did_you_mean=sorted(names)[0]))
        return name

    def model(self, name, /):
        return self._look(name, {"acme/one", "acme/two"})

    def instance(self, name, /):
        return self._look(name, {"g9.large"})

    def licence(self, name, /):
        return self._look(name, {"apache-2.0"})

    def region(self, name, /):
        return REGIONS[self._look(name, REGIONS)]

    def regions(self):
        return tuple(REGIONS.values())

    def regions_for(self, residency, /):
        for place in residency:
            self._look(place, {"EU", "US", *REGIONS})
        return tuple(r for r in REGIONS.values() if set(residency) & {r.id, *r.groups})

    def eks_versions(self):
        return (Version("1.35", dt.date(2028, 3, 27)), Version("1.30", dt.date(2026, 7, 23)))

    def eks_version(self, version, /):
        self._look(version, {v.version for v in self.eks_versions()})
        return next(v for v in self.eks_versions() if v.version == version)


KNOWN = Knowledge(catalog=Catalog(), today=dt.date(2026, 11, 20))


def workload(**changes: object) -> Workload:
    base = {"apiVersion": "inferstack/v1", "kind": "Workload", "name": "chat", "model": "acme/one"}
    return Workload.model_validate({**base, "traffic": {"requestsPerDay": 1}, **changes})


def environment(*, region="eu-one-1", zones=3, **changes: object) -> Environment:
    cloud = {"account": "123456789012", "region": region, "zones": zones}
    base = {"apiVersion": "inferstack/v1", "kind": "Environment", "name": "dev", "cloud": cloud}
    return Environment.model_validate({**base, **changes})


def paths(findings) -> list[tuple]:
    return [finding.path for finding in findings]


def test_known_names_are_silent():
    sound = workload(
        capacity={"allowInstanceTypes": ["g9.large"]},
        data={"residency": ["EU", "us-two-2"]},
        fallback=[{"provider": "bedrock", "model": "m", "region": "eu-one-1"}],
    )
    assert paths(check_workload(sound, KNOWN)) == []
    assert paths(check_environment(environment(), KNOWN)) == []
    assert paths(check_placement(sound, environment(), KNOWN)) == []


def test_every_unknown_name_is_found_at_its_place_with_the_nearest():
    found = list(
        check_workload(
            workload(
                model="acme/three",
                capacity={"allowInstanceTypes": ["g9.large", "g8.large"], "denyInstanceTypes": ["x.y"]},
                data={"residency": ["EU", "MARS"]},
                fallback=[
                    {"provider": "openai", "model": "m"},
                    {"provider": "bedrock", "model": "m", "region": "eu-x-1"},
                ],
            ),
            KNOWN,
        )
    )
    assert paths(found) == [
        ("model", "id"),
        ("capacity", "allowInstanceTypes", 1),
        ("capacity", "denyInstanceTypes", 0),
        ("data", "residency", 1),
        ("fallback", 1, "region"),
    ]
    assert found[0].did_you_mean == "acme/one"


def test_derivatives_pass_where_a_resolver_knows_them():
    def resolve(name):
        if not name.startswith("acme/one"):
            raise InputError("no")

    known = Knowledge(catalog=Catalog(), today=KNOWN.today, resolve_model=resolve)
    assert paths(check_workload(workload(model="acme/one-awq"), known)) == []
    assert paths(check_workload(workload(model="acme/other"), known)) == [("model", "id")]


def test_a_model_with_its_own_config_need_not_be_known():
    assert paths(check_workload(workload(model={"id": "acme/own", "hfConfig": "c.json"}), KNOWN)) == []


def test_the_region_lies_within_the_residency():
    (found,) = check_environment(environment(region="us-two-2", zones=2, data={"residency": ["EU"]}), KNOWN)
    assert found.path == ("cloud", "region")
    assert found.accepted == "eu-one-1"
    assert paths(check_environment(environment(data={"residency": ["US", "eu-one-1"]}), KNOWN)) == []


def test_an_unknown_region_is_not_judged_further():
    found = check_environment(environment(region="eu-on-1", data={"residency": ["US"]}), KNOWN)
    assert paths(found) == [("cloud", "region")]


def test_an_unknown_residency_is_not_held_against_the_region():
    assert paths(check_environment(environment(data={"residency": ["MARS"]}), KNOWN)) == [
        ("data", "residency", 0)
    ]


@pytest.mark.parametrize(
    ("region", "zones", "expected"),
    [
        ("eu-one-1", ["euo1-az1", "ust2-az1"], [("cloud", "zones", 1)]),
        ("us-two-2", 3, [("cloud", "zones")]),
        ("us-two-2", ["ust2-az3"], []),
        ("us-new-3", 3, []),
        ("us-new-3", ["usn3-az9"], []),
    ],
)
def test_zones_belong_to_the_region_as_far_as_they_are_known(region, zones, expected):
    assert paths(check_environment(environment(region=region, zones=zones), KNOWN)) == expected


def test_kubernetes_versions_end():
    (unknown,) = check_environment(environment(cluster={"version": "1.99"}), KNOWN)
    (ended,) = check_environment(environment(cluster={"version": "1.30"}), KNOWN)
    assert unknown.path == ended.path == ("cluster", "version")
    assert unknown.accepted == ended.accepted == "1.35"
    assert "2026-07-23" in ended.message
    earlier = Knowledge(catalog=Catalog(), today=dt.date(2026, 7, 23))
    assert paths(check_environment(environment(cluster={"version": "1.30"}), earlier)) == []


def test_karpenter_keeps_no_warm_pool():
    karpenter = environment(cluster={"gpuNodes": "karpenter"})
    assert paths(check_environment(karpenter, KNOWN)) == []
    warm = workload(capacity={"warmNodes": 1})
    assert paths(check_placement(warm, karpenter, KNOWN)) == [("capacity", "warmNodes")]
    assert paths(check_placement(warm, environment(), KNOWN)) == []


def test_with_dra_no_group_may_be_empty():
    claims = environment(cluster={"version": "1.35", "gpuDevices": "dra"})
    asleep = workload(capacity={"replicas": {"min": 0}})
    assert paths(check_placement(asleep, claims, KNOWN)) == [("capacity", "replicas", "min")]
    assert paths(check_placement(asleep, environment(), KNOWN)) == []
    block = workload(
        capacity={
            "purchase": ["capacity-block"], "reservationId": "cr-0123456789abcdef0", "acknowledgeUpfrontCharge": True
        }
    )  # fmt: skip
    assert paths(check_placement(block, claims, KNOWN)) == [("capacity", "purchase")]
    second = workload(capacity={"secondChoicePool": True})
    assert paths(check_placement(second, claims, KNOWN)) == [("capacity", "secondChoicePool")]
    assert paths(check_placement(workload(), claims, KNOWN)) == []


def test_store_and_policy_names_exist():
    spec = environment(
        modelStore={"replicaRegions": ["eu-x-1"]}, policy={"denyLicences": ["apache-2.0", "mti"]}
    )
    assert paths(check_environment(spec, KNOWN)) == [
        ("modelStore", "replicaRegions", 0),
        ("policy", "denyLicences", 1),
    ]


def test_replication_across_borders_is_left_to_the_policy():
    spec = environment(data={"residency": ["EU"]}, modelStore={"replicaRegions": ["us-two-2"]})
    assert paths(check_environment(spec, KNOWN)) == []


def test_a_workload_is_held_to_its_own_residency():
    (found,) = check_placement(workload(data={"residency": ["US"]}), environment(), KNOWN)
    assert found.path == ("data", "residency")
    assert "dev is in eu-one-1" in found.message


def test_a_workload_is_held_to_the_zones_of_the_region():
    spec = workload(capacity={"zones": ["euo1-az1", "ust2-az1"]})
    assert paths(check_placement(spec, environment(), KNOWN)) == [("capacity", "zones", 1)]
    assert paths(check_placement(spec, environment(region="us-new-3"), KNOWN)) == []


def test_the_shipped_catalog_serves_as_one():
    from inferstack.catalog.load import load_catalog

    known = Knowledge(catalog=load_catalog(), today=dt.date(2026, 11, 20))
    assert paths(check_environment(environment(region="eu-central-1"), known)) == []


@pytest.mark.parametrize(
    ("capacity", "stack", "gateway", "expected"),
    [
        ({}, "none", False, []),
        ({"autoscaling": "none"}, "none", False, []),
        ({"autoscaling": "keda"}, "prometheus", False, []),
        ({"autoscaling": "keda"}, "none", True, [("capacity", "autoscaling")]),
        ({"autoscaling": "hpa"}, "none", False, [("capacity", "autoscaling")]),
        ({"replicas": {"min": 0}}, "amp", True, []),
        ({"replicas": {"min": 0}}, "amp", False, [("capacity", "replicas", "min")]),
        ({"replicas": {"min": 0}}, "none", True, [("capacity", "replicas", "min")]),
    ],
)
def test_an_autoscaler_needs_metrics_and_a_sleeper_someone_to_wake_it(capacity, stack, gateway, expected):
    entrance = {"gateway": {"host": "llm.example.com"}} if gateway else {}
    where = environment(monitoring={"stack": stack}, **entrance)
    assert paths(check_scaling(workload(capacity=capacity), where)) == expected
