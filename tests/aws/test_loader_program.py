"""The loader job's program as the job runs it: the real Hub client, the real S3 client, both on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from inferstack.render import templates_dir
from tests.aws.hub import COMMIT, Hub, serving

pytestmark = pytest.mark.aws
REPOSITORY, BUCKET, PREFIX = "acme/small", "weights", "models/acme/small/main"
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"tokens",
    "model-00001-of-00002.safetensors": b"one" * 1000,
    "model-00002-of-00002.safetensors": b"two" * 1000,
    "pytorch_model.bin": b"old",
    "modeling_custom.py": b"import os",
    "README.md": b"words",
}
WANTED = sorted(name for name in FILES if name.endswith((".json", ".safetensors")))


def s3(endpoint: str) -> Any:
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y"
    )
    if BUCKET not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=BUCKET)
    return client


def run(hub: Hub, endpoint: str, scratch: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As the container runs it; nothing of the caller's account or proxies gets in."""
    clean = {
        "PATH": os.environ["PATH"],
        "HOME": str(scratch),
        "HF_HOME": str(scratch / "hub"),
        "HF_ENDPOINT": hub.address,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_ENDPOINT_URL_S3": endpoint,
        **environment,
    }
    script = templates_dir() / "model_store" / "load_weights.py"
    command = [sys.executable, str(script), REPOSITORY, "main", BUCKET, PREFIX, str(scratch / "files")]
    return subprocess.run(command, env=clean, capture_output=True, text=True, timeout=120, check=False)


def manifest(client: Any) -> dict[str, Any]:
    body = client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/inferstack-manifest.json")["Body"].read()
    return dict(json.loads(body))


def keys(client: Any) -> list[str]:
    found = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return sorted(item["Key"].removeprefix(f"{PREFIX}/") for item in found)


def test_a_checkpoint_arrives_whole_at_one_commit_with_its_hashes(endpoint: str, tmp_path: Path) -> None:
    client = s3(endpoint)
    with serving(Hub(REPOSITORY, FILES)) as hub:
        done = run(hub, endpoint, tmp_path)
    assert done.returncode == 0, done.stderr
    assert keys(client) == sorted([*WANTED, "inferstack-manifest.json"])
    for name in WANTED:
        stored = client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")
        assert stored["Body"].read() == FILES[name]
        assert stored["Metadata"]["sha256"] == hashlib.sha256(FILES[name]).hexdigest()
    written = manifest(client)
    assert (written["commit"], written["requested"], sorted(written["files"])) == (COMMIT, "main", WANTED)
    assert sorted(hub.downloads()) == WANTED


def test_a_second_run_downloads_nothing(endpoint: str, tmp_path: Path) -> None:
    client = s3(endpoint)
    with serving(Hub(REPOSITORY, FILES)) as hub:
        assert run(hub, endpoint, tmp_path / "first").returncode == 0
        before, hub.requests[:] = manifest(client), []
        assert run(hub, endpoint, tmp_path / "second").returncode == 0
        assert hub.downloads() == []
    assert manifest(client) == before


def test_a_file_other_than_stated_stops_it_and_leaves_no_manifest(endpoint: str, tmp_path: Path) -> None:
    client, bad = s3(endpoint), "model-00002-of-00002.safetensors"
    with serving(Hub(REPOSITORY, FILES, corrupt=frozenset({bad}))) as hub:
        done = run(hub, endpoint, tmp_path)
    assert done.returncode != 0
    assert f"{bad}: expected sha256" in done.stderr
    assert bad not in keys(client)
    assert "inferstack-manifest.json" not in keys(client)


def test_gated_repositories_need_the_token_and_get_it(endpoint: str, tmp_path: Path) -> None:
    s3(endpoint)
    with serving(Hub(REPOSITORY, FILES, token="hf_secret")) as hub:
        refused = run(hub, endpoint, tmp_path / "without")
        assert refused.returncode != 0
        assert hub.downloads() == []
        done = run(hub, endpoint, tmp_path / "with", HF_TOKEN="hf_secret")
    assert done.returncode == 0, done.stderr
    assert "hf_secret" not in done.stdout + done.stderr + refused.stderr
