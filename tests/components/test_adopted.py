"""Environments in a VPC or a cluster that somebody else keeps."""

from __future__ import annotations

import json
import re

import pytest
from pydantic import ValidationError

from components.gateway_pod import APP
from inferstack.engine.graph import Graph
from inferstack.errors import InputError
from inferstack.resources import UNKNOWN
from tests.components import builders
from tests.components.running import build, deploy, manifest, one, preview

PRIVATE = list(builders.VPC["privateSubnets"].values())  # type: ignore[attr-defined]  # a mapping
NODES = "aws:eks/nodeGroup:NodeGroup"


def test_control_plane_and_nodes_use_the_subnets_given(adopted_vpc: Graph) -> None:
    cluster = one(adopted_vpc, "aws:eks/cluster:Cluster").inputs["vpcConfig"]
    assert cluster["subnetIds"] == list(builders.VPC["controlPlaneSubnets"].values())  # type: ignore[index,attr-defined]
    for group in adopted_vpc.of_type(NODES):
        assert set(group.inputs["subnetIds"]) <= set(PRIVATE)  # type: ignore[arg-type]
    assert one(adopted_vpc, NODES, "prod-eu-cluster-system").inputs["subnetIds"] == PRIVATE


def test_private_subnets_hold_the_control_plane_when_no_others_are_named() -> None:
    vpc = {key: value for key, value in builders.VPC.items() if key != "controlPlaneSubnets"}
    graph = preview(build(builders.prod(network={"existing": vpc})))
    assert one(graph, "aws:eks/cluster:Cluster").inputs["vpcConfig"]["subnetIds"] == PRIVATE  # type: ignore[index]


def test_the_load_balancer_is_told_where_it_goes(adopted_vpc: Graph) -> None:
    """Subnets of somebody else may lack the tags they are found by."""
    annotations = manifest(adopted_vpc, "Ingress", APP)["metadata"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/subnets"] == ",".join(PRIVATE)
    values = one(adopted_vpc, "kubernetes:helm.sh/v3:Release", "prod-eu-gateway-load-balancer").inputs
    assert values["values"]["vpcId"] == builders.VPC["vpcId"]  # type: ignore[index]
    assert "vpcTags" not in values["values"]  # type: ignore[operator]


def test_a_public_load_balancer_goes_to_the_public_subnets() -> None:
    public = {zone: f"subnet-2000000000000000{index}" for index, zone in enumerate(builders.EU_ZONES)}
    graph = preview(
        build(
            builders.prod(
                network={"existing": {**builders.VPC, "publicSubnets": public}},
                gateway={"host": "llm.example.eu", "scheme": "internet-facing"},
            )
        )
    )
    annotations = manifest(graph, "Ingress", APP)["metadata"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/subnets"] == ",".join(public.values())


def test_callers_come_from_the_network_of_the_vpc(adopted_vpc: Graph) -> None:
    assert "10.90.0.0/20" in json.dumps(manifest(adopted_vpc, "NetworkPolicy", APP)["spec"])


def test_the_facts_name_what_was_adopted(adopted_cluster: Graph) -> None:
    network = one(adopted_cluster, "inferstack:index:Network").inputs
    assert network["existingVpc"] == builders.VPC["vpcId"]
    assert (network["nat"], network["natGateways"], network["flowLogs"]) == ("existing", 0, False)
    cluster = one(adopted_cluster, "inferstack:index:Cluster").inputs
    assert (cluster["existing"], cluster["clusterName"], cluster["addons"]) == (True, "platform", {})


def test_nodes_join_the_cluster_given(adopted_cluster: Graph) -> None:
    assert {group.inputs["clusterName"] for group in adopted_cluster.of_type(NODES)} == {"platform"}
    assert one(adopted_cluster, NODES, "prod-eu-cluster-system").inputs["subnetIds"] == PRIVATE


def test_the_provider_reaches_the_cluster_given_and_is_known_at_preview(adopted_cluster: Graph) -> None:
    provider = one(adopted_cluster, "pulumi:providers:kubernetes").inputs
    assert provider["clusterIdentifier"] == "platform"
    assert provider["kubeconfig"] is not UNKNOWN
    config = json.loads(str(provider["kubeconfig"]))
    assert config["clusters"][0]["cluster"] == {
        "server": builders.CLUSTER["endpoint"],
        "certificate-authority-data": builders.CLUSTER["certificateAuthority"],
    }


def test_what_the_cluster_provides_is_not_installed_again(adopted_cluster: Graph) -> None:
    charts = {item.name for item in adopted_cluster.of_type("kubernetes:helm.sh/v3:Release")}
    assert not [name for name in charts if "autoscaler" in name]
    assert adopted_cluster.of_type("kubernetes:storage.k8s.io/v1:StorageClass") == ()
    services = one(adopted_cluster, "inferstack:index:ClusterServices").inputs
    assert "cluster-autoscaler" not in services["charts"]


def test_a_cluster_keeps_its_own_default_storage_class() -> None:
    graph = preview(build(builders.adopted_vpc(cluster={"existing": builders.CLUSTER})))
    assert "annotations" not in manifest(graph, "StorageClass", "gp3")["metadata"]
    assert one(graph, "kubernetes:helm.sh/v3:Release", "prod-eu-services-autoscaler")


def test_the_controller_of_the_cluster_serves_the_gateway_too() -> None:
    provided = {**builders.CLUSTER, "provides": ["aws-load-balancer-controller"]}
    graph = preview(build(builders.adopted_vpc(cluster={"existing": provided})))
    assert not [item for item in graph if "load-balancer" in item.name]
    assert manifest(graph, "Ingress", APP)


def test_roles_of_pods_trust_the_cluster_given() -> None:
    recorder = deploy(build(builders.adopted_cluster()))
    trusts = [
        item.inputs["assumeRolePolicy"]
        for item in recorder.resources
        if item.typ == "aws:iam/role:Role" and "pods.eks" in item.inputs["assumeRolePolicy"]
    ]
    assert trusts
    assert all("cluster/platform" in trust for trust in trusts)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cluster": {"existing": builders.CLUSTER}}, "an existing cluster lives in an existing VPC"),
        ({"network": {"existing": builders.VPC, "cidr": "10.0.0.0/16"}}, "has no effect in an existing VPC"),
        ({"network": {"existing": builders.VPC, "nat": "single"}}, "has no effect in an existing VPC"),
        (
            {
                "network": {"existing": builders.VPC},
                "cluster": {"existing": builders.CLUSTER, "deletionProtection": True},
            },
            "has no effect on an existing cluster",
        ),
        (
            {"network": {"existing": {**builders.VPC, "controlPlaneSubnets": {"euc1-az1": "subnet-12345678"}}}},
            "a control plane needs subnets in two zones",
        ),
        (
            {
                "network": {"existing": builders.VPC},
                "gateway": {"host": "llm.example.eu", "scheme": "internet-facing"},
            },
            "an internet-facing load balancer needs subnets in two zones",
        ),
        (
            {
                "network": {"existing": builders.VPC},
                "cloud": {"account": "123456789012", "region": "eu-central-1", "zones": ["euc1-az1"]},
            },
            "the zones are those of network.existing.privateSubnets",
        ),
        (
            {"network": {"existing": {**builders.VPC, "privateSubnets": {"euc1-az1": "subnet-12345678", "euc1-az2": "subnet-12345678"}}}},
            "a subnet stands in two zones",
        ),
        (
            {"network": {"existing": {**builders.VPC, "publicSubnets": builders.VPC["privateSubnets"]}}},
            "is private and public",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        builders.prod(**changes)


def test_a_pool_in_a_zone_without_a_subnet_is_refused() -> None:
    """The plan's zones are the VPC's; a plan made by hand for others is not built."""
    vpc = {**builders.VPC, "privateSubnets": {"euc1-az2": PRIVATE[1], "euc1-az3": PRIVATE[2]}}
    args = builders.prod(network={"existing": vpc})
    with pytest.raises(InputError, match="euc1-az1"):
        preview(build(args))
