"""Weights from a Lustre file system over the bucket: what is made, who may read, what pods mount."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inferstack.engine.graph import Graph
from inferstack.resources import UNKNOWN
from tests.components import builders
from tests.components.running import build, deploy, inventory, manifest, one, preview
from tests.components.sdk import mismatches
from tests.components.test_environment import reaches
from tests.components.test_inventory import DEV

SYSTEM = "aws:fsx/lustreFileSystem:LustreFileSystem"
LINK = "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"
ADDED = {
    SYSTEM: 1,
    LINK: 1,
    "kubernetes:core/v1:PersistentVolume": 1,
    "kubernetes:core/v1:PersistentVolumeClaim": 1,
}
LUSTRE = {"modelStore": {"fileSystem": "fsx-lustre"}}


@pytest.fixture(scope="module")
def files() -> Graph:
    return preview(build(builders.dev(**LUSTRE)))


def test_the_inventory_gains_the_file_system_and_its_driver(files: Graph) -> None:
    group = "aws:ec2/securityGroup:SecurityGroup"
    expected = {**DEV, **ADDED, "inferstack:index:WeightFiles": 1, group: DEV.get(group, 0) + 1}
    expected["aws:eks/addon:Addon"] += 1
    assert inventory(item.type for item in files) == dict(sorted(expected.items()))
    recorder = deploy(build(builders.dev(**LUSTRE)))
    assert inventory(item.typ for item in recorder.resources) == dict(sorted(expected.items()))


def test_every_input_is_known_to_the_sdk(files: Graph) -> None:
    made = [item for kind in ADDED for item in files.of_type(kind)]
    assert len(made) == 4
    assert [problem for item in made for problem in mismatches(item.type, item.inputs)] == []


def test_it_is_encrypted_as_small_as_it_may_be_and_in_one_zone(files: Graph) -> None:
    system = one(files, SYSTEM).inputs
    assert system["storageCapacity"] == 1200
    assert (system["deploymentType"], system["perUnitStorageThroughput"]) == ("PERSISTENT_2", 1000)
    assert system["kmsKeyId"] is UNKNOWN
    assert system["subnetIds"] is UNKNOWN  # one, not a list


def test_the_bucket_stays_the_source(files: Graph) -> None:
    link = one(files, LINK).inputs
    bucket = one(files, "aws:s3/bucket:Bucket").inputs["bucket"]
    assert link["dataRepositoryPath"] == f"s3://{bucket}"
    assert link["s3"] == {"autoImportPolicy": {"events": ["NEW", "CHANGED", "DELETED"]}}


def test_the_key_lets_the_file_system_read_through_s3_only(files: Graph, dev: Graph) -> None:
    def statements(graph: Graph) -> dict[str, Any]:
        policy = json.loads(str(one(graph, "aws:kms/key:Key").inputs["policy"]))
        return {item["Sid"]: item for item in policy["Statement"]}

    reads = statements(files)["WeightFiles"]
    assert reads["Action"] == ["kms:Decrypt", "kms:DescribeKey"]
    assert reads["Condition"]["StringEquals"]["kms:ViaService"] == "s3.us-west-2.amazonaws.com"
    assert reads["Condition"]["ArnLike"]["aws:PrincipalArn"].endswith("AWSServiceRoleForFSxS3Access_*")
    assert "WeightFiles" not in statements(dev)


def test_pods_read_the_file_system_and_cannot_write_it(files: Graph) -> None:
    pod = manifest(files, "Deployment", "model-assistant")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["args"][0] == "/weights/models/Qwen/Qwen3-8B/main"
    assert {"name": "weights", "mountPath": "/weights", "readOnly": True} in container["volumeMounts"]
    claim = {"claimName": "weights", "readOnly": True}
    assert {"name": "weights", "persistentVolumeClaim": claim} in pod["volumes"]
    facts = one(files, "inferstack:index:VllmService").inputs
    assert str(facts["weightsUri"]).startswith("s3://")


def test_the_claim_is_bound_to_this_volume(files: Graph) -> None:
    claim = manifest(files, "PersistentVolumeClaim", "weights")
    volume = manifest(files, "PersistentVolume", "inferstack-weights")
    assert claim["metadata"]["namespace"] == "llm-serving"
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert claim["spec"]["storageClassName"] == volume["spec"]["storageClassName"] == ""
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume["spec"]["csi"]["driver"] == "fsx.csi.aws.com"


def test_servers_wait_for_weights_and_files(files: Graph) -> None:
    server = one(files, "kubernetes:apps/v1:Deployment", "dev-assistant")
    driver = one(files, "aws:eks/addon:Addon", "dev-weight-files-aws-fsx-csi-driver")
    for needed in (one(files, LINK), driver):
        assert reaches(files, server, needed)


def test_giving_it_up_keeps_cluster_and_weights(files: Graph, dev: Graph) -> None:
    gone = {item.urn for item in files.managed()} - {item.urn for item in dev.managed()}
    kinds = {files.by_urn[urn].type for urn in gone}
    assert kinds == {*ADDED, "aws:ec2/securityGroup:SecurityGroup", "aws:eks/addon:Addon"}
