"""Durations, percentages, money, networks and identifiers as types."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from inferstack.spec import identifiers as ids
from inferstack.spec.quantities import (
    Cidr,
    Duration,
    Percentage,
    Usd,
    VpcCidr,
    duration_text,
    percent_text,
)


def parsed(kind: object, value: object) -> object:
    return TypeAdapter(kind).validate_python(value, strict=True)


def told(kind: object, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        parsed(kind, value)
    return caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60ms", 0.06), ("1s", 1), ("1.5s", 1.5), ("10m", 600), ("2h", 7200), ("15d", 1_296_000)],
)
def test_durations_have_units(text, seconds):
    assert parsed(Duration, text) == dt.timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["1", "fast", "-1s", "1 week", "", "1s 5ms", "0ms", "99999d", "1e3s", "s"])
def test_other_text_is_no_duration(value):
    assert "duration" in told(Duration, value)


@pytest.mark.parametrize("value", [1, 0.5])
def test_a_bare_number_is_told_that_its_unit_is_missing(value):
    assert told(Duration, value) == "a unit is missing"


@pytest.mark.parametrize("value", [True, None, [], {}])
def test_other_types_are_no_duration(value):
    assert parsed_fails(Duration, value)


def parsed_fails(kind: object, value: object) -> bool:
    try:
        parsed(kind, value)
    except ValidationError:
        return True
    return False


@given(st.integers(min_value=1, max_value=10**10))
def test_a_duration_written_again_is_the_same_duration(milliseconds):
    value = dt.timedelta(milliseconds=milliseconds)
    assert parsed(Duration, duration_text(value)) == value


def test_a_duration_is_written_with_the_largest_exact_unit():
    texts = [duration_text(dt.timedelta(seconds=s)) for s in (0.06, 1.5, 90, 600, 7200, 86_400)]
    assert texts == ["60ms", "1500ms", "90s", "10m", "2h", "1d"]


@pytest.mark.parametrize(("text", "fraction"), [("2%", 0.02), ("99.9%", 0.999), ("0%", 0), ("100%", 1)])
def test_percentages_have_their_sign(text, fraction):
    assert parsed(Percentage, text) == pytest.approx(fraction)


@pytest.mark.parametrize("value", ["110%", "-1%", "2", "two%", 0.02, 2, True, None])
def test_anything_else_is_no_percentage(value):
    assert parsed_fails(Percentage, value)


@given(st.integers(min_value=0, max_value=10_000))
def test_a_percentage_written_again_is_the_same_percentage(basis_points):
    text = percent_text(basis_points / 10_000)
    assert parsed(Percentage, text) == pytest.approx(basis_points / 10_000)


@given(st.decimals(min_value="0.01", max_value=10**9, places=2))
def test_money_is_exact_from_the_written_number_on(amount):
    assert parsed(Usd, float(str(amount))) == amount


def test_money_is_decimal_from_integers_too():
    assert parsed(Usd, 45000) == Decimal(45000)


@pytest.mark.parametrize("value", [0, -1, "45000", True, float("nan"), float("inf"), 1e30, None])
def test_anything_else_is_no_amount(value):
    assert parsed_fails(Usd, value)


@pytest.mark.parametrize("text", ["10.40.0.0/16", "172.16.0.0/20", "192.168.0.0/16", "100.64.0.0/18"])
def test_private_networks_of_a_useful_size_pass(text):
    assert parsed(VpcCidr, text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.0/24", "too small"), ("10.0.0.0/8", "larger than"), ("8.8.0.0/16", "not a private"),
        ("10.40.0.1/16", "host bits"), ("172.32.0.0/16", "not a private"), ("fd00::/16", "not an IPv4"),
        ("10.0.0/16", "not an IPv4"), ("", "not an IPv4"),
    ],
)  # fmt: skip
def test_other_networks_are_told_why_not(text, said):
    assert said in told(VpcCidr, text)


def test_any_network_may_reach_an_endpoint():
    assert parsed(Cidr, "203.0.113.0/24") == "203.0.113.0/24"
    assert parsed(Cidr, "2001:db8::/32") == "2001:db8::/32"
    assert parsed_fails(Cidr, "203.0.113.7/24")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (ids.Name, ["a", "support-chat", "x9", "a" * 40], ["", "-a", "a-", "Chat", "9a", "a_b", "a" * 41, "a\n"]),
        (ids.Text, ["team support", "x"], ["", " x", "x ", "a\nb", "x" * 257]),
        (ids.AccountId, ["123456789012"], ["12345678901", "1234567890123", "12345678901x", "\uff11" * 12]),
        (ids.RegionId, ["us-east-1", "ap-southeast-3", "us-gov-east-1"], ["us-east", "us-east-1a", "US-EAST-1"]),
        (ids.ZoneId, ["use1-az1", "euc1-az3", "apse2-az1"], ["us-east-1a", "az1", "use1-az"]),
        (ids.InstanceTypeId, ["g6e.12xlarge", "p5.48xlarge", "u-6tb1.metal"], ["g6e", "g6e.", "G6E.large"]),
        (ids.CountryCode, ["DE"], ["de", "DEU", "Germany"]),
        (ids.HostName, ["llm.example.eu", "a.b"], ["localhost", "LLM.example.eu", "https://a.b", "a..b", "-a.b"]),
        (ids.Registry, ["123456789012.dkr.ecr.eu-central-1.amazonaws.com/mirror", "localhost:5000/a/b"], ["https://a", "a/", "A.b"]),
        (ids.BucketName, ["acme-models", "a.b"], ["a", "Acme", "-acme", "a" * 64, "acme_"]),
        (ids.RoleArn, ["arn:aws:iam::123456789012:role/admin", "arn:aws-us-gov:iam::123456789012:role/x/y"], ["admin", "arn:aws:iam::123456789012:user/me"]),
        (ids.KmsKeyArn, ["arn:aws:kms:eu-central-1:123456789012:key/1234-abcd"], ["alias/mine", "arn:aws:kms:eu-central-1:123456789012:alias/x"]),
    ],
)  # fmt: skip
def test_identifiers_accept_and_refuse(kind, good, bad):
    assert [parsed(kind, text) for text in good] == good
    assert [text for text in bad if not parsed_fails(kind, text)] == []


def test_long_text_is_refused_before_any_pattern_runs():
    assert parsed_fails(ids.HostName, "a." * 1_000_000)
