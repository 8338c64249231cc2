"""Regions, residency, Kubernetes versions, vLLM defaults."""

from __future__ import annotations

import datetime as dt

import pytest

from inferstack.catalog.load import load_catalog, version_key
from inferstack.catalog.types import EksVersion, Region
from inferstack.errors import InputError

CATALOG = load_catalog()


@pytest.mark.parametrize("region", CATALOG.regions(), ids=lambda region: region.id)
def test_a_region_is_complete(region: Region) -> None:
    assert len(region.country) == 2
    assert region.groups
    assert region.name
    assert region.sources
    prefixes = {zone.rpartition("-")[0] for zone in region.zones}
    assert len(prefixes) <= 1
    if "EU" in region.groups:
        assert {"EEA", "GDPR-adequate", region.country} <= set(region.groups)


def test_residency_of_the_european_union_is_exactly_its_members() -> None:
    eu = [region.id for region in CATALOG.regions_for(["EU"])]
    assert eu == ["eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1", "eu-south-1", "eu-south-2"]


@pytest.mark.parametrize(
    ("residency", "regions"),
    [
        (["DE"], {"eu-central-1"}),
        (["UK"], {"eu-west-2"}),
        (["GB"], {"eu-west-2"}),
        (["CH"], {"eu-central-2"}),
        (["US"], {"us-east-1", "us-east-2", "us-west-1", "us-west-2"}),
        (["CA"], {"ca-central-1", "ca-west-1"}),
        (["us-east-1"], {"us-east-1"}),
        (["de", "IE"], {"eu-central-1", "eu-west-1"}),
        (["US-GOV"], {"us-gov-east-1", "us-gov-west-1"}),
        (["CN"], {"cn-north-1", "cn-northwest-1"}),
        ([], set()),
    ],
)
def test_residency_allows_these_regions(residency: list[str], regions: set[str]) -> None:
    assert {region.id for region in CATALOG.regions_for(residency)} == regions


def test_other_partitions_are_reached_only_by_their_own_group() -> None:
    usual = {group for region in CATALOG.regions() if region.partition == "aws" for group in region.groups}
    for region in CATALOG.regions():
        if region.partition != "aws":
            assert not usual & set(region.groups)


def test_an_unknown_residency_is_an_input_error_with_a_suggestion() -> None:
    with pytest.raises(InputError) as caught:
        CATALOG.regions_for(["EU", "eu-cental-1"])
    assert (caught.value.problems[0].did_you_mean or "").startswith("eu-central-1")


def test_zones_that_cannot_hold_a_control_plane() -> None:
    excluded = {zone for region in CATALOG.regions() for zone in region.control_plane_excluded_zones}
    assert excluded == {"use1-az3", "usw1-az2", "cac1-az3"}


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-central-1", "eu-west-1"])
def test_the_example_regions_have_three_usable_zones(region: str) -> None:
    found = CATALOG.region(region)
    assert len(set(found.zones) - set(found.control_plane_excluded_zones)) >= 3


@pytest.mark.parametrize("version", CATALOG.eks_versions(), ids=lambda version: version.version)
def test_support_is_fourteen_months_and_then_a_year(version: EksVersion) -> None:
    extended = version.end_of_extended_support - version.end_of_standard_support
    assert dt.timedelta(days=360) < extended < dt.timedelta(days=370)
    if version.released is not None:
        standard = version.end_of_standard_support - version.released
        assert dt.timedelta(days=415) < standard < dt.timedelta(days=435)
    assert version.source


@pytest.mark.parametrize(
    ("version", "day", "support"),
    [
        ("1.35", dt.date(2026, 11, 20), "standard"),
        ("1.34", dt.date(2026, 12, 2), "standard"),
        ("1.34", dt.date(2026, 12, 3), "extended"),
        ("1.33", dt.date(2026, 11, 20), "extended"),
        ("1.31", dt.date(2026, 11, 27), "ended"),
    ],
)
def test_support_on_a_day(version: str, day: dt.date, support: str) -> None:
    assert CATALOG.eks_version(version).support(day) == support


@pytest.mark.parametrize(
    ("version", "utilization", "graphs"),
    [
        ("0.33.0", 0.92, True),
        ("v0.21.0", 0.92, True),
        ("0.20.1", 0.9, False),
        ("0.9.2", 0.9, False),
        ("0.5.3", 0.9, False),
    ],
)
def test_vllm_defaults_by_version(version: str, utilization: float, graphs: bool) -> None:
    defaults = CATALOG.vllm_defaults(version)
    assert defaults.gpu_memory_utilization == utilization
    assert defaults.cuda_graphs_in_budget is graphs


def test_batch_defaults_go_from_most_memory_to_least_and_cover_everything() -> None:
    for entry in CATALOG.vllm_versions():
        floors = [row.min_gpu_memory_gib for row in entry.batch_defaults]
        assert floors == sorted(floors, reverse=True)
        assert floors[-1] == 0


def test_versions_compare_as_numbers() -> None:
    assert version_key("0.9.2") < version_key("0.10.0") < version_key("v0.33.0+cu130")
    with pytest.raises(InputError):
        version_key("latest")
