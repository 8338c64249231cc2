from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import naming
from components.naming import AUTONAME_SUFFIX, Limit

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,60}[a-z0-9])?", fullmatch=True)
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@given(name=NAMES, limit=st.sampled_from(sorted(Limit)))
def test_a_name_that_fits_is_left_alone(name: str, limit: int) -> None:
    assert naming.fit(name, limit) == name or len(name) > limit


@given(
    name=st.from_regex(r"[a-z][-a-z0-9]{70,200}[a-z0-9]", fullmatch=True),
    limit=st.sampled_from(sorted(Limit)),
)
def test_a_cut_name_fits_and_stays_a_label(name: str, limit: int) -> None:
    short = naming.fit(name, limit)
    assert len(short) <= max(limit, len(name) if len(name) <= limit else limit)
    assert LABEL.fullmatch(short)


@given(one=NAMES, other=NAMES)
def test_different_long_names_stay_different(one: str, other: str) -> None:
    long = "x" * 60
    same = naming.fit(f"{long}{one}") == naming.fit(f"{long}{other}")
    assert same == (one == other)


@given(parts=st.lists(NAMES, min_size=1, max_size=4))
def test_logical_names_with_pulumis_suffix_fit_roles_and_node_groups(parts: list[str]) -> None:
    length = len(naming.logical(*parts)) + AUTONAME_SUFFIX
    assert length <= min(Limit.IAM_ROLE, Limit.NODE_GROUP)


@given(text=st.text(min_size=1))
def test_kubernetes_names_are_labels_or_refused(text: str) -> None:
    try:
        label = naming.kubernetes(text)
    except ValueError:
        assert not re.search("[a-z0-9]", text.lower())
        return
    assert LABEL.fullmatch(label)
    assert len(label) <= 63


@given(text=st.text(min_size=1, max_size=200))
def test_label_values_are_valid(text: str) -> None:
    value = naming.label_value(text)
    assert len(value) <= 63
    assert re.fullmatch(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?", value)


@given(environment=st.from_regex(r"[a-z][-a-z0-9]{0,38}[a-z0-9]", fullmatch=True))
def test_bucket_names_are_valid_and_tell_accounts_and_regions_apart(environment: str) -> None:
    names = {
        naming.bucket_name(environment, account, region)
        for account in ("111122223333", "444455556666")
        for region in ("eu-central-1", "ap-southeast-3")
    }
    assert len(names) == 4
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name) for name in names)


def test_the_environments_tags_win_and_are_sorted() -> None:
    tags = naming.tags("prod", {"team": "a", "inferstack.dev/managed-by": "someone"})
    assert tags == {
        "inferstack.dev/environment": "prod",
        "inferstack.dev/managed-by": "someone",
        "team": "a",
    }


@pytest.mark.parametrize(("revision", "expected"), [(None, "models/a/b/main"), ("abc", "models/a/b/abc")])
def test_weights_of_a_revision_have_a_place_of_their_own(revision: str | None, expected: str) -> None:
    assert naming.weights_prefix("a/b", revision) == expected


def test_hashes_follow_the_content() -> None:
    assert naming.content_hash("a") == naming.content_hash("a") != naming.content_hash("b")
    assert len(naming.content_hash("a")) == 10
