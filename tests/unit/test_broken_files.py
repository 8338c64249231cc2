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


@pytest.mark.parametrize("name", FILES)
def test_without_a_catalog_the_file_ends_in_the_same_kind_of_error_or_is_sound_in_form(name):
    """Only names that need the catalog may pass."""
    load = load_environment if name.startswith("environment-") else load_workload
    needs_catalog = ("-unknown-", "misspelt-id", "residency", "of-other-region", "version-ended", "version-future")
    try:
        load(BROKEN / name)
    except InputError as error:
        assert error.problems
    else:
        assert any(part in name for part in needs_catalog)
