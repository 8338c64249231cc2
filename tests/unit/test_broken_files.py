"""Every file in tests/data/broken is refused with exactly the problems listed in broken_expected.yaml."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml

from inferstack.catalog.load import load_catalog
from inferstack.cli.env import known_model
from inferstack.errors import InputError
from inferstack.spec.checks import Knowledge
from inferstack.spec.load import load_environment, load_workload

DATA = Path(__file__).parents[1] / "data"
BROKEN = DATA / "broken"
EXPECTED = yaml.safe_load((DATA / "broken_expected.yaml").read_text(encoding="utf-8"))
FILES = sorted(path.name for path in BROKEN.iterdir())


@pytest.fixture(scope="module")
def known():
    return Knowledge(catalog=load_catalog(), today=dt.date(2026, 11, 20), resolve_model=known_model)


def test_there_are_many_and_each_is_listed():
    assert len(FILES) >= 60
    assert sorted(EXPECTED) == FILES


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_told_exactly_what_is_wrong(name, known):
    load = load_environment if name.startswith("environment-") else load_workload
    with pytest.raises(InputError) as caught:
        load(BROKEN / name, known=known)
    problems = caught.value.problems
    assert caught.value.exit_code == 2
    assert [(p.line, p.path) for p in problems] == [(e["line"], e["path"]) for e in EXPECTED[name]]
    for problem, expected in zip(problems, EXPECTED[name], strict=True):
        assert problem.file == str(BROKEN / name)
        assert problem.message.startswith(expected["says"])
        assert (problem.did_you_mean or "").startswith(expected.get("meant", ""))
        assert ("meant" in expected) == (problem.did_you_mean is not None)


def sound_in_form(name: str) -> bool:
    load = load_environment if name.startswith("environment-") else load_workload
    try:
        load(BROKEN / name)
    except InputError:
        return False
    return True


def test_only_names_that_need_the_catalog_pass_without_it():
    assert {name.removesuffix(".yaml") for name in FILES if sound_in_form(name)} == {
        "environment-cloud-unknown-region",
        "environment-cloud-zone-of-other-region",
        "environment-cluster-version-ended",
        "environment-cluster-version-extended",
        "environment-cluster-version-future",
        "environment-network-existing-control-plane-zone",
        "environment-network-existing-zone-elsewhere",
        "environment-policy-unknown-licence",
        "environment-residency-germany-region-virginia",
        "environment-residency-without-region",
        "environment-store-unknown-replica-region",
        "workload-capacity-unknown-instance",
        "workload-data-residency-unknown",
        "workload-fallback-unknown-region",
        "workload-model-misspelt-id",
        "workload-model-unknown-id",
    }
