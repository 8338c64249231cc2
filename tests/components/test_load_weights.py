"""The program the loader job runs, against a hub and a bucket in memory."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from inferstack.render import templates_dir

FILES = {
    "config.json": b"{}",
    "tokenizer.json": b"tokens",
    "model-00001-of-00002.safetensors": b"one",
    "model-00002-of-00002.safetensors": b"two",
    "consolidated.safetensors": b"again",
    "original/params.json": b"{}",
    "pytorch_model.bin": b"old",
    "modeling_custom.py": b"code",
    "1_Pooling/config.json": b"{}",
    "README.md": b"words",
}
WANTED = [
    "1_Pooling/config.json",
    "config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "tokenizer.json",
]


@pytest.fixture(scope="module")
def program() -> Iterator[ModuleType]:
    path = templates_dir() / "model_store" / "load_weights.py"
    spec = importlib.util.spec_from_file_location("load_weights", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@dataclass
class Bucket:
    objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:  # noqa: N803 - boto3's
        keys = sorted(key for key in self.objects if key.startswith(Prefix))[:MaxKeys]
        return {"Contents": [{"Key": key, "Size": len(self.objects[key][0])} for key in keys]} if keys else {}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        return {"Metadata": self.objects[Key][1]}

    def upload_file(self, path: str, bucket: str, key: str, ExtraArgs: dict[str, Any]) -> None:  # noqa: N803 - boto3's
        self.objects[key] = (Path(path).read_bytes(), ExtraArgs["Metadata"])
        self.uploads.append(key)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 - boto3's
        self.objects[Key] = (Body, {})


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Api:
    files: dict[str, bytes]
    wrong_hash: str | None = None
    asked: list[str] = field(default_factory=list)

    def model_info(self, repository: str, *, revision: str, files_metadata: bool) -> SimpleNamespace:
        assert files_metadata
        siblings = [
            SimpleNamespace(rfilename=name, size=len(content), lfs=self._lfs(name, content))
            for name, content in self.files.items()
        ]
        return SimpleNamespace(sha="c0ffee", siblings=siblings)

    def _lfs(self, name: str, content: bytes) -> SimpleNamespace | None:
        if not name.endswith(".safetensors"):
            return None
        return SimpleNamespace(sha256="0" * 64 if name == self.wrong_hash else digest(content))

    def download(self, repository: str, name: str, *, revision: str, local_dir: str) -> str:
        self.asked.append(revision)
        path = Path(local_dir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.files[name])
        return str(path)


def run(program: ModuleType, api: Api, bucket: Bucket, scratch: Path) -> dict[str, Any]:
    hub = program.Hub(api, api.download, "acme/model", "main")
    manifest: dict[str, Any] = program.load(
        hub, program.Target(bucket, "weights", "models/acme"), str(scratch)
    )
    return manifest


def test_servers_files_are_chosen_and_second_copies_are_not(program: ModuleType) -> None:
    assert program.wanted(FILES) == WANTED


def test_unusual_weight_names_are_taken_where_there_are_no_others(program: ModuleType) -> None:
    assert program.wanted(["adapter_model.safetensors", "config.json"]) == [
        "adapter_model.safetensors", "config.json"
    ]  # fmt: skip


def test_everything_is_copied_at_one_commit_and_the_manifest_comes_last(
    program: ModuleType, tmp_path: Path
) -> None:
    api, bucket = Api(FILES), Bucket()
    manifest = run(program, api, bucket, tmp_path)
    assert bucket.uploads == [f"models/acme/{name}" for name in WANTED]
    assert list(bucket.objects)[-1] == "models/acme/inferstack-manifest.json"
    assert json.loads(bucket.objects["models/acme/inferstack-manifest.json"][0]) == manifest
    assert manifest["commit"] == "c0ffee"
    assert manifest["files"]["config.json"] == {"size": 2, "sha256": digest(b"{}")}
    assert set(api.asked) == {"c0ffee"}


def test_scratch_space_is_given_back_file_by_file(program: ModuleType, tmp_path: Path) -> None:
    run(program, Api(FILES), Bucket(), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_second_run_copies_nothing(program: ModuleType, tmp_path: Path) -> None:
    bucket = Bucket()
    first = run(program, Api(FILES), bucket, tmp_path)
    bucket.uploads.clear()
    assert run(program, Api(FILES), bucket, tmp_path) == first
    assert bucket.uploads == []


def test_a_half_copied_file_is_copied_again(program: ModuleType, tmp_path: Path) -> None:
    bucket = Bucket()
    run(program, Api(FILES), bucket, tmp_path)
    bucket.objects["models/acme/config.json"] = (b"{", {"sha256": digest(b"{")})
    bucket.objects["models/acme/model-00001-of-00002.safetensors"] = (b"xxx", {"sha256": digest(b"xxx")})
    bucket.uploads.clear()
    run(program, Api(FILES), bucket, tmp_path)
    assert bucket.uploads == ["models/acme/config.json", "models/acme/model-00001-of-00002.safetensors"]


def test_a_file_that_is_not_what_the_hub_states_stops_the_job(program: ModuleType, tmp_path: Path) -> None:
    bucket = Bucket()
    with pytest.raises(SystemExit, match=r"model-00002.*expected sha256 0000"):
        run(program, Api(FILES, wrong_hash="model-00002-of-00002.safetensors"), bucket, tmp_path)
    assert "models/acme/inferstack-manifest.json" not in bucket.objects


def test_a_repository_without_safetensors_is_refused(program: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no safetensors weights"):
        run(program, Api({"config.json": b"{}", "pytorch_model.bin": b"old"}), Bucket(), tmp_path)
