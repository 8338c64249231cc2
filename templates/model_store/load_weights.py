"""Copies one revision of a Hugging Face checkpoint to S3, each file verified, then writes a manifest.

Runs once in the cluster as a Job; running it again copies only what is missing. Arguments: repository,
revision, bucket, prefix, scratch directory. Needs huggingface_hub and boto3, which the serving image has.
"""

from __future__ import annotations

import hashlib
import json
import logging
import pathlib
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

LOG = logging.getLogger("load_weights")
MANIFEST = "inferstack-manifest.json"
WEIGHTS = (".safetensors",)
OTHER_FORMATS = (".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".ot", ".npz", ".tflite")
# code of a repository is never run by the servers, so it is not copied either
SKIPPED = (*OTHER_FORMATS, ".py", ".md", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".pdf", ".gitattributes")
CHUNK = 16 * 1024 * 1024


def wanted(names: Iterable[str]) -> list[str]:
    """Files a server needs: one set of safetensors and everything small beside it.

    Repositories that carry a second copy of the weights (`consolidated*.safetensors`, `original/`) would be
    loaded twice, so only `model*` is taken where it exists.
    """
    every = list(names)
    weights = [name for name in every if name.endswith(WEIGHTS) and "/" not in name]
    standard = [name for name in weights if name.startswith("model")]
    small = [
        name
        for name in every
        if not name.endswith(WEIGHTS + SKIPPED) and not name.startswith(("original/", "."))
    ]
    return sorted({*(standard or weights), *small})


def sha256(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


class Hub:
    """One revision on the Hugging Face Hub, pinned to its commit when it is first asked."""

    def __init__(self, api: Any, download: Callable[..., str], repository: str, revision: str) -> None:
        self.repository, self.revision = repository, revision
        info = api.model_info(repository, revision=revision, files_metadata=True)
        self.commit: str = info.sha
        self.files: dict[str, Any] = {file.rfilename: file for file in info.siblings}
        self._download = download

    def expected(self, name: str) -> str | None:
        """The hash the Hub states; small files have none."""
        lfs = self.files[name].lfs
        return lfs.sha256 if lfs else None

    def download(self, name: str, scratch: str) -> pathlib.Path:
        # the commit, not the name asked for: a branch may move while files are copied
        return pathlib.Path(self._download(self.repository, name, revision=self.commit, local_dir=scratch))


@dataclass(frozen=True)
class Target:
    """A prefix in a bucket."""

    s3: Any
    bucket: str
    prefix: str

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def stored_hash(self, name: str, size: int, expected: str | None) -> str | None:
        """Hash of the object if it is the file: same size, and the same hash where one is expected."""
        key = self.key(name)
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        if not found or found[0]["Key"] != key or found[0]["Size"] != size:
            return None
        stored = self.s3.head_object(Bucket=self.bucket, Key=key)["Metadata"].get("sha256")
        return stored if expected in (None, stored) else None

    def upload(self, path: pathlib.Path, name: str, digest: str) -> None:
        extra = {"Metadata": {"sha256": digest}}
        self.s3.upload_file(str(path), self.bucket, self.key(name), ExtraArgs=extra)

    def write(self, name: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=self.key(name), Body=body)


def copy(hub: Hub, target: Target, name: str, scratch: str) -> str:
    """One file: from the hub to scratch, verified, to the bucket, off scratch. Returns its hash."""
    path = hub.download(name, scratch)
    actual, expected = sha256(path), hub.expected(name)
    if expected not in (None, actual):
        raise SystemExit(f"{name}: expected sha256 {expected}, got {actual}")
    target.upload(path, name, actual)
    path.unlink()
    return actual


def load(hub: Hub, target: Target, scratch: str) -> dict[str, Any]:
    """Copies what is missing; the manifest comes last, so its presence means: complete."""
    names = wanted(hub.files)
    if not any(name.endswith(WEIGHTS) for name in names):
        raise SystemExit(f"{hub.repository} has no safetensors weights at revision {hub.revision}")
    hashes = {}
    for position, name in enumerate(names, 1):
        size = hub.files[name].size
        there = target.stored_hash(name, size, hub.expected(name))
        LOG.info(
            "[%d/%d] %s %.2f GiB%s", position, len(names), name, size / 2**30, " (there)" if there else ""
        )
        hashes[name] = there or copy(hub, target, name, scratch)
    manifest = {
        "repository": hub.repository,
        "requested": hub.revision,
        "commit": hub.commit,
        "files": {name: {"size": hub.files[name].size, "sha256": hashes[name]} for name in names},
    }
    target.write(MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode())
    return manifest


def main(arguments: Sequence[str]) -> None:
    import boto3  # noqa: PLC0415 - in the image only; the tests bring their own
    import huggingface_hub  # noqa: PLC0415 - as above

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    repository, revision, bucket, prefix, scratch = arguments
    hub = Hub(huggingface_hub.HfApi(), huggingface_hub.hf_hub_download, repository, revision)
    manifest = load(hub, Target(boto3.client("s3"), bucket, prefix), scratch)
    LOG.info(
        "%s at %s: %d files in s3://%s/%s", repository, hub.commit, len(manifest["files"]), bucket, prefix
    )


if __name__ == "__main__":
    main(sys.argv[1:])
