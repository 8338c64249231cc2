"""What `--against` can name: a folder, a file, a git revision."""

from __future__ import annotations

import json
import subprocess

import pytest

from inferstack.engine import preview
from inferstack.engine.baseline import load_baseline
from inferstack.engine.program import run_program
from inferstack.engine.project import resolve
from inferstack.errors import InputError, OutsideError

PROGRAM = "import pulumi\npulumi.ComponentResource('test:index:Box', 'box', {'size': %d})\n"


def git(folder, *arguments):
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(("git", *identity, *arguments), cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path):
    """A project of its own in a git repository: size 1 in the first commit, 2 in the second, 3 on disk."""
    root = tmp_path / "repository" / "infra"
    (root / "stacks/prod").mkdir(parents=True)
    (root / "Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: stacks\nstackConfigDir: stacks\n")
    (root / "stacks/prod/environment.yaml").write_text("kind: Environment\n")
    git(tmp_path / "repository", "init", "-q")
    for size in (1, 2):
        (root / "stacks/__main__.py").write_text(PROGRAM % size)
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", f"size {size}")
    (root / "stacks/__main__.py").write_text(PROGRAM % 3)
    return root


def size(graph):
    return next(found.inputs["size"] for found in graph if found.name == "box")


def test_a_folder_that_was_synthesised(project, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    target = resolve(project / "stacks/prod/environment.yaml")
    (out / "preview.json").write_text(preview.dumps(preview.to_document(run_program(target))))
    assert size(load_baseline(str(out), target).graph) == 3
    assert size(load_baseline(str(out / "preview.json"), target).graph) == 3


@pytest.mark.parametrize(("revision", "expected"), [("HEAD", 2), ("HEAD~1", 1)])
def test_a_revision_runs_its_own_program(project, revision, expected):
    found = load_baseline(revision, resolve(project / "stacks/prod/environment.yaml"))
    assert (found.label, size(found.graph)) == (revision, expected)


def test_an_environment_that_a_revision_does_not_have_is_an_empty_baseline(project):
    (project / "stacks/new").mkdir()
    (project / "stacks/new/environment.yaml").write_text("kind: Environment\n")
    assert len(load_baseline("HEAD", resolve(project / "stacks/new/environment.yaml")).graph) == 0


def test_a_revision_whose_program_fails_is_the_outside_worlds_failure(project):
    (project / "stacks/__main__.py").write_text("raise ValueError('broken')\n")
    git(project, "commit", "-qam", "broken")
    with pytest.raises(
        OutsideError, match=r"the program at HEAD does not run: stacks/__main__.py:1: .*broken"
    ):
        load_baseline("HEAD", resolve(project / "stacks/prod/environment.yaml"))


def test_neither_path_nor_revision_is_an_input_error(project):
    with pytest.raises(
        InputError, match=r"neither a path nor a git revision of this project \(got nowhere\)"
    ):
        load_baseline("nowhere", resolve(project / "stacks/prod/environment.yaml"))


def test_a_folder_without_a_preview_is_an_input_error(project, tmp_path):
    with pytest.raises(InputError, match=r"no preview\.json in this folder"):
        load_baseline(str(tmp_path), resolve(project / "stacks/prod/environment.yaml"))


def test_a_file_that_is_no_preview_is_an_input_error(project, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps([1]))
    with pytest.raises(InputError, match="not a preview document"):
        load_baseline(str(tmp_path / "x.json"), resolve(project / "stacks/prod/environment.yaml"))


def test_an_environment_outside_the_project_has_no_revisions(project, tmp_path, monkeypatch):
    monkeypatch.chdir(project)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/environment.yaml").write_text("kind: Environment\n")
    with pytest.raises(InputError, match="outside the project"):
        load_baseline("HEAD", resolve(tmp_path / "elsewhere/environment.yaml"))


def test_without_git_the_error_says_what_is_missing(project, monkeypatch):
    target = resolve(project / "stacks/prod/environment.yaml")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OutsideError, match="git is not installed"):
        load_baseline("HEAD", target)
