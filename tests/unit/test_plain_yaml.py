"""With libyaml and without it the same: a machine decides how fast files are written, not what is in them."""

from __future__ import annotations

import importlib.util
import sys

import pytest
import yaml

from inferstack import plain_yaml
from inferstack.engine import manifests
from tests.example_graphs import EXAMPLES, graph


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML has no libyaml here, so there is one way only")
@pytest.mark.parametrize("name", EXAMPLES)
def test_manifests_are_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_yaml, "DUMPER", yaml.SafeDumper)
    spec = importlib.util.spec_from_file_location("manifests_without_libyaml", manifests.__file__)
    assert spec is not None
    assert spec.loader is not None
    slow = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, slow)
    spec.loader.exec_module(slow)
    assert issubclass(slow._Dumper, yaml.SafeDumper)
    assert not issubclass(manifests._Dumper, yaml.SafeDumper)
    found = graph(name)
    assert [one.text for one in manifests.manifests(found)] == [one.text for one in slow.manifests(found)]


def test_a_file_and_its_text_are_the_same(tmp_path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: [1, é]\n", encoding="utf-8")
    assert plain_yaml.read_yaml(file) == plain_yaml.parse_yaml("a: [1, é]\n") == {"a": [1, "é"]}


def test_what_is_unsafe_is_refused() -> None:
    with pytest.raises(yaml.YAMLError):
        plain_yaml.parse_yaml("!!python/object/apply:os.getcwd []")
