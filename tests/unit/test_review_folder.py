"""A folder is replaced whole or not at all, and only if it is ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferstack.errors import InputError, OutsideError
from inferstack.review.folder import check_folder, write_folder

FILES = {"plan.json": "{}\n", "manifests/10-namespace-a.yaml": "kind: Namespace\n"}


def contents(folder):
    return {
        found.relative_to(folder).as_posix(): found.read_text()
        for found in folder.rglob("*")
        if found.is_file()
    }


def test_files_are_written_into_a_new_folder(tmp_path):
    write_folder(tmp_path / "a/b", FILES)
    assert contents(tmp_path / "a/b") == FILES


def test_an_earlier_result_is_replaced_whole(tmp_path):
    write_folder(tmp_path / "out", {"cost.json": "{}\n", "manifests/20-role-x.yaml": "x\n"})
    write_folder(tmp_path / "out", FILES)
    assert contents(tmp_path / "out") == FILES
    assert sorted(found.name for found in tmp_path.iterdir()) == ["out"]


def test_an_empty_folder_may_be_written_to(tmp_path):
    (tmp_path / "out").mkdir()
    write_folder(tmp_path / "out", FILES)
    assert contents(tmp_path / "out") == FILES


@pytest.mark.parametrize("name", ["notes.txt", ".env", "manifests/mine.yaml", "plan.yaml"])
def test_a_folder_with_anything_else_in_it_is_refused(tmp_path, name):
    foreign = tmp_path / "out" / name
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")
    with pytest.raises(InputError, match=f"did not write .got {name}"):
        write_folder(tmp_path / "out", FILES)
    assert contents(tmp_path / "out") == {name: "mine"}


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="this is a file"):
        write_folder(tmp_path / "out", FILES, force=True)
    assert (tmp_path / "out").read_text() == "mine"


def test_force_replaces_whatever_is_there(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    write_folder(tmp_path / "out", FILES, force=True)
    assert contents(tmp_path / "out") == FILES


@pytest.mark.parametrize("force", [False, True])
def test_not_even_force_replaces_a_repository(tmp_path, force):
    (tmp_path / "out/.git").mkdir(parents=True)
    with pytest.raises(InputError, match="holds your files"):
        check_folder(tmp_path / "out", force=force)


def test_not_even_force_replaces_what_is_needed(tmp_path, monkeypatch):
    needed = tmp_path / "stacks/dev/environment.yaml"
    needed.parent.mkdir(parents=True)
    needed.write_text("mine")
    for folder in (needed.parent, tmp_path / "stacks", tmp_path):
        with pytest.raises(InputError, match="holds your files"):
            check_folder(folder, force=True, keep=(needed,))
    check_folder(tmp_path / "out", force=True, keep=(needed,))
    monkeypatch.chdir(tmp_path / "stacks")
    with pytest.raises(InputError, match="holds your files"):
        check_folder(Path(), force=True)


def test_a_failing_disk_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    write_folder(tmp_path / "out", FILES)
    rename = Path.rename

    def fails_on_new(self, target):
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_on_new)
    with pytest.raises(OutsideError, match=r"cannot write .*: No space left on device"):
        write_folder(tmp_path / "out", {"cost.json": "{}\n"})
    assert contents(tmp_path / "out") == FILES


def test_a_place_that_cannot_be_written_is_the_outside_worlds_failure(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideError, match="cannot write"):
        write_folder(tmp_path / "file/out", FILES)
