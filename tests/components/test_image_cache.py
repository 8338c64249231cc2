"""Images through the account's own registry: rules, repositories, credentials, and the names pods use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from components.image_cache import credential
from components.pins import Pins
from components.settings import Settings
from components.upstreams import UPSTREAMS, prefixes, upstreams_of
from inferstack.engine.graph import Graph
from inferstack.errors import InputError
from inferstack.resources import Secret
from tests.components import builders
from tests.components.running import build, deploy, inventory, one, preview
from tests.components.sdk import mismatches
from tests.components.test_environment import reaches
from tests.components.test_inventory import DEV

REGISTRY = "111122223333.dkr.ecr.us-west-2.amazonaws.com"
KEYS = replace(builders.SECRETS, registry_keys={"docker-hub": "robot:dckr_pat_x"})
ADDED = {
    # the server's alone: nothing else of ours runs without a gateway
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": 1,
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule": 1,
    "aws:ecr/repository:Repository": 1,
    "aws:secretsmanager/secret:Secret": 1,
    "aws:secretsmanager/secretVersion:SecretVersion": 1,
    "inferstack:index:ImageCache": 1,
}
CACHED = {"registry": "ecr-pull-through"}


@pytest.fixture(scope="module")
def cached() -> Graph:
    return preview(build(replace(builders.dev(**CACHED), settings=KEYS)))


def images(graph: Graph) -> Iterator[str]:
    for kind in ("kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job"):
        for item in graph.of_type(kind):
            containers = item.inputs["spec"]["template"]["spec"]["containers"]  # type: ignore[index]  # manifests
            yield from (container["image"] for container in containers)


def test_the_inventory_gains_rules_repositories_and_one_secret(cached: Graph) -> None:
    expected = dict(sorted({**DEV, **ADDED}.items()))
    assert inventory(item.type for item in cached) == expected
    recorder = deploy(build(replace(builders.dev(**CACHED), settings=KEYS)))
    assert inventory(item.typ for item in recorder.resources) == expected


def test_every_input_is_known_to_the_sdk(cached: Graph) -> None:
    made = [item for item in cached if item.type.startswith(("aws:ecr/", "aws:secretsmanager/"))]
    assert [problem for item in made for problem in mismatches(item.type, item.inputs)] == []


def test_pods_pull_from_the_own_account_and_region(cached: Graph) -> None:
    found = set(images(cached))
    assert found == {f"{REGISTRY}/dev/docker-hub/vllm/vllm-openai:v0.33.0"}


def test_the_repository_of_every_image_is_encrypted_scanned_and_immutable(cached: Graph) -> None:
    names = set()
    for repository in cached.of_type("aws:ecr/repository:Repository"):
        names.add(repository.inputs["name"])
        assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
        assert repository.inputs["imageScanningConfiguration"] == {"scanOnPush": True}
        (encryption,) = repository.inputs["encryptionConfigurations"]  # type: ignore[misc]  # a list
        assert encryption["encryptionType"] == "KMS"
    assert "dev/docker-hub/vllm/vllm-openai" in names


def test_the_rule_asks_docker_hub_with_the_stacks_key(cached: Graph) -> None:
    rule = one(cached, "aws:ecr/pullThroughCacheRule:PullThroughCacheRule").inputs
    assert rule["ecrRepositoryPrefix"] == "dev/docker-hub"
    assert rule["upstreamRegistryUrl"] == "registry-1.docker.io"
    assert "credentialArn" in rule
    secret = one(cached, "aws:secretsmanager/secret:Secret").inputs
    assert str(secret["name"]).startswith("ecr-pullthroughcache/")
    # ECR cannot read one under a key of ours
    assert "kmsKeyId" not in secret
    version = one(cached, "aws:secretsmanager/secretVersion:SecretVersion").inputs
    assert isinstance(version["secretString"], Secret)
    assert json.loads(credential("robot:dckr_pat_x")) == {"username": "robot", "accessToken": "dckr_pat_x"}


def test_an_update_without_the_key_never_starts() -> None:
    args = replace(builders.dev(**CACHED), settings=Settings())
    facts = one(preview(build(args)), "inferstack:index:InferenceEnvironment").inputs
    assert facts["missingSecrets"] == ["registryKey.docker-hub"]
    with pytest.raises(InputError, match=r"inferstack:registryKey\.docker-hub.*needed and not set"):
        deploy(build(args))


def test_servers_wait_for_the_rule(cached: Graph) -> None:
    server = one(cached, "kubernetes:apps/v1:Deployment", "dev-assistant")
    assert reaches(cached, server, one(cached, "aws:ecr/pullThroughCacheRule:PullThroughCacheRule"))


def test_removing_the_cache_keeps_cluster_and_weights(cached: Graph, dev: Graph) -> None:
    gone = {item.urn for item in cached.managed()} - {item.urn for item in dev.managed()}
    # the loader's job is named by its content, image included; run again, it finds the weights there
    job = "kubernetes:batch/v1:Job"
    assert {cached.by_urn[urn].type for urn in gone} == {job, *ADDED} - {"inferstack:index:ImageCache"}


@pytest.mark.parametrize("name", ["dev", "e" * 40])
def test_prefixes_fit_ecr(name: str) -> None:
    for upstream in UPSTREAMS:
        assert 2 <= len(upstream.prefix(name)) <= 30
    assert len(set(prefixes(name).values())) == len(UPSTREAMS)


def test_what_ecr_cannot_fetch_keeps_its_name() -> None:
    table = {
        "images": {
            "x": {"repository": "nvcr.io/nvidia/x", "tag": "v1"},
            "y": {"repository": "quay.io/a/y", "tag": "v1"},
        }
    }
    pins = Pins(table).configured(mirror=REGISTRY, digests={}, prefixes=prefixes("dev"))
    assert pins.image("x").reference == "nvcr.io/nvidia/x:v1"
    assert pins.image("y").reference == f"{REGISTRY}/dev/quay/a/y:v1"
    assert [upstream.name for upstream in upstreams_of(pins.repositories)] == ["quay"]
