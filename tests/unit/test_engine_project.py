"""The stack of an environment file, and stack configuration of every backend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inferstack.engine.project import find_project, providers_required, resolve
from inferstack.errors import InputError


@pytest.fixture
def project(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text(
        "name: shop\nruntime: python\nmain: stacks\nstackConfigDir: stacks\n"
    )
    for env in ("dev", "prod-eu"):
        (tmp_path / "stacks" / env).mkdir(parents=True)
        (tmp_path / "stacks" / env / "environment.yaml").write_text("kind: Environment\n")
    (tmp_path / "tests/blocked/case").mkdir(parents=True)
    (tmp_path / "tests/blocked/case/environment.yaml").write_text("kind: Environment\n")
    return tmp_path


def settings(project, text, stack="prod-eu"):
    (project / "stacks" / f"Pulumi.{stack}.yaml").write_text(text)


def test_an_environment_under_the_stacks_is_a_stack_of_the_project(project):
    target = resolve(project / "stacks/prod-eu/environment.yaml")
    assert (target.stack, target.environment) == ("prod-eu", project / "stacks/prod-eu/environment.yaml")
    assert target.config["inferstack:environment"] == "prod-eu/environment.yaml"


def test_an_environment_elsewhere_is_a_stack_named_after_its_folder(project, monkeypatch):
    monkeypatch.chdir(project / "tests")
    target = resolve(Path("blocked/case/environment.yaml"))
    assert target.stack == "case"
    assert target.config["inferstack:environment"] == "../tests/blocked/case/environment.yaml"


def test_an_environment_outside_any_project_is_run_by_the_project_of_the_working_directory(
    project, monkeypatch, tmp_path_factory
):
    monkeypatch.chdir(project)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "environment.yaml"
    elsewhere.write_text("kind: Environment\n")
    target = resolve(elsewhere)
    assert target.project.root == project
    assert (project / "stacks" / target.config["inferstack:environment"]).resolve() == elsewhere


def test_the_project_is_found_from_a_folder_inside_it(project):
    assert find_project(project / "stacks/dev").root == project


def test_outside_any_project_the_one_this_package_belongs_to_is_used(tmp_path):
    assert find_project(tmp_path).name == "inferstack"


def test_a_stack_without_settings_may_not_use_default_providers(project):
    assert providers_required(resolve(project / "stacks/dev/environment.yaml").config) == {"*"}


@pytest.mark.parametrize(
    "head",
    [
        "",
        "encryptionsalt: v1:abc=:v1:def\n",
        "secretsprovider: awskms://alias/pulumi?region=eu-central-1\nencryptedkey: QUJD\n",
        "environment:\n  - shop/prod\n",
    ],
)
def test_settings_of_every_backend_and_secrets_provider_are_read(project, head):
    settings(
        project,
        head + "config:\n  pulumi:disable-default-providers: [aws]\n  size: 3\n  on: yes\n  off: true\n",
    )
    config = resolve(project / "stacks/prod-eu/environment.yaml").config
    assert config["shop:size"] == "3"
    assert (config["shop:on"], config["shop:off"]) == ("yes", "true")
    assert providers_required(config) == {"aws"}


def test_encrypted_values_are_secret_and_unreadable(project):
    settings(
        project,
        "config:\n  key: {secure: v1:abc}\n  nested: {a: [{secure: v1:abc}], b: 1}\n  plain: x\n",
    )
    target = resolve(project / "stacks/prod-eu/environment.yaml")
    assert target.secret_keys == ("shop:key", "shop:nested")
    assert target.config["shop:key"] == "[secret]"
    assert json.loads(target.config["shop:nested"]) == {"a": ["[secret]"], "b": 1}


def test_project_configuration_gives_defaults_that_a_stack_overrides(project):
    with (project / "Pulumi.yaml").open("a") as file:
        file.write(
            "config:\n  a: {type: integer, default: 1}\n  other:b: {value: two}\n  c: plain\n  d: {type: string}\n"
        )
    settings(project, "config:\n  a: 5\n")
    config = resolve(project / "stacks/prod-eu/environment.yaml").config
    assert {key: config.get(key) for key in ("shop:a", "other:b", "shop:c", "shop:d")} == {
        "shop:a": "5",
        "other:b": "two",
        "shop:c": "plain",
        "shop:d": None,
    }


def test_a_configured_environment_file_of_the_same_place_is_kept_as_written(project):
    settings(project, "config:\n  inferstack:environment: ./prod-eu/environment.yaml\n")
    assert (
        resolve(project / "stacks/prod-eu/environment.yaml").config["inferstack:environment"]
        == "./prod-eu/environment.yaml"
    )


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("stacks/Pulumi.prod-eu.yaml", "config: [1]", "`config` must be a mapping"),
        ("stacks/Pulumi.prod-eu.yaml", "config: {a: ", "cannot be read"),
        ("stacks/Pulumi.prod-eu.yaml", "- 1", "must be a mapping"),
        ("Pulumi.yaml", "runtime: python", "a project needs a name"),
        ("Pulumi.yaml", "\x00", "cannot be read"),
    ],
)
def test_broken_project_files_are_input_errors(project, file, text, message):
    (project / file).write_text(text)
    with pytest.raises(InputError, match=message):
        resolve(project / "stacks/prod-eu/environment.yaml")


def test_a_list_of_providers_that_is_none_is_an_input_error():
    with pytest.raises(InputError, match="is not a list"):
        providers_required({"pulumi:disable-default-providers": "aws"})


def test_the_repository_is_a_project_with_its_three_environments():
    root = Path(__file__).resolve().parents[2]
    assert {
        resolve(root / "stacks" / env / "environment.yaml").stack for env in ("dev", "prod-eu", "prod-us")
    } == {
        "dev",
        "prod-eu",
        "prod-us",
    }
