"""inferstack schema."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from inferstack.cli import cli
from inferstack.spec.json_schema import schema_of


@pytest.mark.parametrize("kind", ["workload", "environment"])
def test_it_prints_the_schema_of_a_kind(kind):
    result = CliRunner().invoke(cli, ["schema", kind])
    assert result.exit_code == 0
    assert json.loads(result.output) == schema_of(kind)
    assert CliRunner().invoke(cli, ["schema", kind, "--json"]).output == result.output


@pytest.mark.parametrize("arguments", [["schema"], ["schema", "wrkload"], ["schema", "workload", "more"]])
def test_anything_else_is_bad_input(arguments):
    assert CliRunner().invoke(cli, arguments).exit_code == 2


def test_the_help_has_an_example():
    assert "inferstack schema workload >" in CliRunner().invoke(cli, ["schema", "--help"]).output
