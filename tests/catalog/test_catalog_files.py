"""A broken data file is one clear error with file and line, never a traceback or a wrong value."""

from __future__ import annotations

import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from inferstack.catalog.files import parse_json, parse_yaml, read_text, scan_ids
from inferstack.catalog.load import DATA, Catalog, load_catalog
from inferstack.errors import InputError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped data, to be broken."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_copy_itself_reads_like_the_original(copy: Path) -> None:
    assert Catalog(copy).models() == load_catalog().models()


def test_an_unknown_key_names_file_line_and_path(copy: Path) -> None:
    _replace(copy / "models" / "openai.yaml", "    num_layers:", "    num_layer:")
    with pytest.raises(InputError) as caught:
        Catalog(copy).model("openai/gpt-oss-20b")
    paths = {problem.path for problem in caught.value.problems}
    assert paths == {"architecture.num_layer", "architecture.num_layers"}
    assert {problem.file for problem in caught.value.problems} == {"openai.yaml"}
    assert all(problem.line for problem in caught.value.problems)


def test_all_wrong_entries_of_a_file_are_reported_at_once(copy: Path) -> None:
    path = copy / "licences.yaml"
    path.write_text(
        path.read_text().replace("  commercial_use: yes", "  commercial_use: maybe"), encoding="utf-8"
    )
    path.write_text(
        path.read_text().replace('commercial_use: "yes"', "commercial_use: maybe"), encoding="utf-8"
    )
    with pytest.raises(InputError) as caught:
        Catalog(copy).licences()
    assert len(caught.value.problems) > 3


def test_a_licence_that_does_not_exist_is_refused(copy: Path) -> None:
    _replace(copy / "models" / "intfloat.yaml", "licence: mit", "licence: mitt")
    with pytest.raises(InputError, match="no licence 'mitt'"):
        Catalog(copy).model("intfloat/multilingual-e5-large-instruct")


def test_a_gpu_that_does_not_exist_is_refused(copy: Path) -> None:
    _replace(copy / "instances" / "g6e.yaml", "gpu: L40S", "gpu: L40Z")
    with pytest.raises(InputError, match="no GPU 'L40Z'"):
        Catalog(copy).instances()


def test_a_model_that_stands_in_two_files_is_refused(copy: Path) -> None:
    shutil.copy(copy / "models" / "nomic.yaml", copy / "models" / "again.yaml")
    with pytest.raises(InputError, match=r"is also in again\.yaml"):
        Catalog(copy).model("nomic-ai/nomic-embed-text-v1.5")


def test_an_id_that_stands_twice_in_a_file_is_refused(copy: Path) -> None:
    path = copy / "models" / "nomic.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text[text.index("- id:") :], encoding="utf-8")
    with pytest.raises(InputError, match="stands twice"):
        Catalog(copy).model_ids()


def test_an_instance_that_stands_twice_is_refused(copy: Path) -> None:
    shutil.copy(copy / "instances" / "p4d.yaml", copy / "instances" / "p4dd.yaml")
    with pytest.raises(InputError, match=r"p4d\.24xlarge stands twice"):
        Catalog(copy).instances()


def test_an_alias_of_two_models_is_refused(copy: Path) -> None:
    _replace(
        copy / "models" / "openai.yaml",
        "- id: openai/gpt-oss-20b\n",
        "- id: openai/gpt-oss-20b\n  aliases: [Qwen/qwen3-8B]\n",
    )
    with pytest.raises(InputError, match="also names"):
        Catalog(copy).model("openai/gpt-oss-120b")


def test_an_alias_of_two_gpus_is_refused(copy: Path) -> None:
    _replace(copy / "accelerators.yaml", "aliases: [Tesla T4]", "aliases: [L4]")
    with pytest.raises(InputError, match="also names"):
        Catalog(copy).accelerator("L4")


def test_a_float_price_is_read_exactly(copy: Path) -> None:
    _replace(copy / "prices.json", '"on_demand": "0.526"', '"on_demand": 0.5260000000000000001')
    price = Catalog(copy).price("g4dn.xlarge", "us-east-1")
    assert price is not None
    assert price.on_demand == Decimal("0.5260000000000000001")


def test_yaml_amounts_are_decimals_and_a_key_twice_is_an_error() -> None:
    assert parse_yaml("price: 0.10", file="x.yaml")["price"] == Decimal("0.10")
    with pytest.raises(InputError) as caught:
        parse_yaml("a: 1\nb: 2\na: 3\n", file="x.yaml")
    assert caught.value.problems[0].file == "x.yaml"
    assert "'a' stands twice" in caught.value.problems[0].message


@pytest.mark.parametrize(
    "text", ["a: [1, 2", "- 1\n- 2\n", "", "a:\n\t- b\n", "!!python/object:os.system {}"]
)
def test_yaml_that_is_no_mapping_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        parse_yaml(text, file="x.yaml")


@pytest.mark.parametrize("text", ["{", "[]", "", "nonsense"])
def test_json_that_is_no_object_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        parse_json(text, file="x.json")


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_text(tmp_path / "gone.yaml")


@pytest.mark.parametrize("path", sorted((DATA / "models").glob("*.yaml")), ids=lambda path: path.name)
def test_the_text_scan_finds_what_parsing_finds(path: Path) -> None:
    entries = parse_yaml(path.read_text(encoding="utf-8"), file=path.name)["models"]
    parsed = {entry["id"]: tuple(entry.get("aliases", ())) for entry in entries}
    assert scan_ids(path) == parsed


@pytest.mark.parametrize("path", sorted(DATA.rglob("*.yaml")), ids=lambda path: path.name)
def test_a_data_file_has_no_machine_path_and_a_heading(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert not re.search(r"(?<![\w.:/-])/[a-z]+/", text), "an absolute path of some machine"
    assert text.endswith("\n")


NEW_MODEL = """# Models by Example Labs.

models:
- id: example/Tiny-1B
  family: Tiny
  release: 2026-11
  task: chat
  developer: Example Labs
  developer_country: null
  licence: mit
  total_params_b: 1.1
  active_params_b: 1.1
  max_context: 8192
  gated: false
  open_weights: true
  sources: [the model card]
  checked: 2026-11-20
  architecture: {kind: dense, attention: gqa, num_layers: 16, hidden_size: 2048, intermediate_size: 8192,
    num_attention_heads: 32, num_kv_heads: 8, vocab_size: 32000, native_dtype: bf16}
"""


def test_a_newcomer_adds_a_model_with_one_entry(copy: Path) -> None:
    (copy / "models" / "example.yaml").write_text(NEW_MODEL, encoding="utf-8")
    model = Catalog(copy).model("Example/tiny-1b")
    assert model.developer_country is None
    assert model.architecture is not None
    assert model.architecture.num_kv_heads == 8


def test_what_must_be_established_cannot_be_left_out(copy: Path) -> None:
    for field in ("licence", "developer_country", "gated", "sources", "checked"):
        lines = [line for line in NEW_MODEL.splitlines() if not line.startswith(f"  {field}:")]
        (copy / "models" / "example.yaml").write_text("\n".join(lines), encoding="utf-8")
        read_text.cache_clear()
        with pytest.raises(InputError) as caught:
            Catalog(copy).model("example/Tiny-1B")
        assert [problem.path for problem in caught.value.problems] == [field]


def test_a_newcomer_adds_an_instance_type_with_one_entry_and_its_price(copy: Path) -> None:
    path = copy / "instances" / "g6e.yaml"
    text = path.read_text(encoding="utf-8")
    entry = text[text.index("- id: g6e.48xlarge") :].replace("g6e.48xlarge", "g6e.96xlarge")
    path.write_text(text + "\n" + entry, encoding="utf-8")
    _replace(
        copy / "prices.json",
        '"prices": {',
        '"prices": {\n    "g6e.96xlarge": {"us-east-1": {"on_demand": "60.1"}},',
    )
    catalog = Catalog(copy)
    price = catalog.price("g6e.96xlarge", "us-east-1")
    assert catalog.instance("g6e.96xlarge").gpu == "L40S"
    assert price is not None
    assert price.on_demand == Decimal("60.1")
    assert catalog.price("g6e.96xlarge", "eu-central-1") is None
