from __future__ import annotations

import json

import pytest

from components.cluster import kubeconfig
from components.iam import Place
from inferstack.engine.graph import Graph
from inferstack.errors import InputError
from inferstack.resources import UNKNOWN
from tests.components import builders
from tests.components.running import build, deploy, one, preview

CLUSTER = "aws:eks/cluster:Cluster"
ADDON = "aws:eks/addon:Addon"


def test_the_control_plane_is_private_encrypted_and_logged(prod: Graph) -> None:
    cluster = one(prod, CLUSTER)
    assert cluster.inputs == {
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
        "bootstrapSelfManagedAddons": False,
        "deletionProtection": True,
        "enabledClusterLogTypes": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
        "encryptionConfig": {"provider": {"keyArn": UNKNOWN}, "resources": ["secrets"]},
        "name": "inferstack-prod-eu",
        "roleArn": UNKNOWN,
        "upgradePolicy": {"supportType": "STANDARD"},
        "version": "1.35",
        "vpcConfig": {
            "endpointPrivateAccess": True,
            "endpointPublicAccess": False,
            "subnetIds": [UNKNOWN, UNKNOWN, UNKNOWN],
        },
    }


def test_a_public_endpoint_is_bounded_by_its_networks(dev: Graph) -> None:
    config = one(dev, CLUSTER).inputs["vpcConfig"]
    assert config["endpointPublicAccess"] is True
    assert config["publicAccessCidrs"] == ["203.0.113.0/24"]


def test_production_clusters_are_protected(prod: Graph, dev: Graph) -> None:
    assert one(prod, CLUSTER).options.protect
    assert not one(dev, CLUSTER).options.protect
    assert one(dev, CLUSTER).inputs["deletionProtection"] is False


def test_changes_that_only_matter_at_creation_never_replace_the_cluster(prod: Graph) -> None:
    assert one(prod, CLUSTER).options.ignore_changes == (
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "bootstrapSelfManagedAddons",
    )


def test_its_log_group_exists_before_eks_would_make_an_endless_one(prod: Graph) -> None:
    group = one(prod, "aws:cloudwatch/logGroup:LogGroup", "prod-eu-cluster-control-plane")
    assert group.inputs["name"] == "/aws/eks/inferstack-prod-eu/cluster"
    assert group.urn in one(prod, CLUSTER).dependencies


def test_named_administrators_replace_the_creator() -> None:
    role = "arn:aws:iam::123456789012:role/platform/admin"
    graph = preview(build(builders.prod(cluster={"adminRoleArns": [role]})))
    access = one(graph, CLUSTER).inputs["accessConfig"]
    assert access["bootstrapClusterCreatorAdminPermissions"] is False
    grant = one(graph, "aws:eks/accessPolicyAssociation:AccessPolicyAssociation").inputs
    assert grant["principalArn"] == role
    assert grant["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    assert one(graph, "inferstack:index:Cluster").inputs["creatorIsAdmin"] is False


def test_every_addon_has_a_pinned_version(prod: Graph) -> None:
    versions = {str(item.inputs["addonName"]): item.inputs["addonVersion"] for item in prod.of_type(ADDON)}
    assert versions == one(prod, "inferstack:index:Cluster").inputs["addons"]
    assert all("eksbuild" in str(version) for version in versions.values())
    assert "v1.35" in str(versions["kube-proxy"])


def test_the_cni_enforces_network_policies_and_delegates_prefixes(prod: Graph) -> None:
    settings = json.loads(str(one(prod, ADDON, "prod-eu-cluster-vpc-cni").inputs["configurationValues"]))
    assert settings["enableNetworkPolicy"] == "true"
    assert settings["env"]["ENABLE_PREFIX_DELEGATION"] == "true"


def test_pods_of_addons_use_pod_identity_not_the_node(prod: Graph) -> None:
    for name, account in (("vpc-cni", "aws-node"), ("aws-ebs-csi-driver", "ebs-csi-controller-sa")):
        addon = one(prod, ADDON, f"prod-eu-cluster-{name}")
        assert addon.inputs["podIdentityAssociations"] == [{"roleArn": UNKNOWN, "serviceAccount": account}]
    attached = {
        str(item.inputs["policyArn"]).rpartition("/")[2]
        for item in prod.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if "-node-" in item.name
    }
    assert attached == {"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"}


def test_network_and_identity_come_before_nodes_and_the_rest_after(prod: Graph) -> None:
    system = one(prod, "aws:eks/nodeGroup:NodeGroup", "prod-eu-cluster-system")
    early = {
        one(prod, ADDON, f"prod-eu-cluster-{name}").urn for name in ("vpc-cni", "eks-pod-identity-agent")
    }
    assert early <= set(system.dependencies)
    agent = one(prod, ADDON, "prod-eu-cluster-eks-pod-identity-agent")
    assert agent.urn in one(prod, ADDON, "prod-eu-cluster-vpc-cni").dependencies
    for name in ("coredns", "metrics-server", "aws-ebs-csi-driver"):
        assert system.urn in one(prod, ADDON, f"prod-eu-cluster-{name}").dependencies


def test_the_kubernetes_provider_waits_for_everything_pods_need(prod: Graph) -> None:
    provider = one(prod, "pulumi:providers:kubernetes")
    assert provider.inputs["clusterIdentifier"] == "inferstack-prod-eu"
    assert provider.inputs["kubeconfig"] is UNKNOWN
    needed = {item.urn for item in prod.of_type(ADDON)}
    needed.add(one(prod, "aws:eks/nodeGroup:NodeGroup", "prod-eu-cluster-system").urn)
    assert needed <= set(provider.dependencies)


def test_the_kubeconfig_asks_the_cli_for_tokens_and_holds_no_secret() -> None:
    recorder = deploy(build(builders.prod()))
    provider = next(item for item in recorder.resources if item.typ == "pulumi:providers:kubernetes")
    config = json.loads(provider.inputs["kubeconfig"])
    assert config["clusters"][0]["cluster"] == {
        "server": "https://example.eks", "certificate-authority-data": "Y2E="
    }  # fmt: skip
    assert config["users"][0]["user"]["exec"]["args"][:2] == ["eks", "get-token"]
    place = Place(account="1", region="r", cluster="c")
    assert kubeconfig(place, endpoint="e", certificate="c") == kubeconfig(
        place, endpoint="e", certificate="c"
    )


def test_system_nodes_follow_zones_in_production_and_stay_small_elsewhere(prod: Graph, dev: Graph) -> None:
    large = one(prod, "aws:eks/nodeGroup:NodeGroup", "prod-eu-cluster-system").inputs
    small = one(dev, "aws:eks/nodeGroup:NodeGroup", "dev-cluster-system").inputs
    assert large["scalingConfig"] == {"minSize": 3, "desiredSize": 3, "maxSize": 6}
    assert small["scalingConfig"] == {"minSize": 2, "desiredSize": 2, "maxSize": 6}
    assert large["instanceTypes"][0] == "m7i.xlarge"
    assert small["instanceTypes"][0] == "m7i.large"


def test_nodes_demand_imdsv2_and_carry_tags(prod: Graph) -> None:
    for template in prod.of_type("aws:ec2/launchTemplate:LaunchTemplate"):
        assert template.inputs["metadataOptions"] == {
            "httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1
        }  # fmt: skip
        kinds = {item["resourceType"]: item["tags"] for item in template.inputs["tagSpecifications"]}
        assert set(kinds) == {"instance", "volume", "network-interface"}
        assert kinds["volume"]["team"] == "platform"
        disk = template.inputs["blockDeviceMappings"][0]["ebs"]
        assert (disk["volumeType"], disk["encrypted"]) == ("gp3", "true")


def test_pod_roles_trust_this_cluster_only() -> None:
    recorder = deploy(build(builders.dev()))
    trusts = [
        json.loads(item.inputs["assumeRolePolicy"])["Statement"][0]
        for item in recorder.resources
        if item.typ == "aws:iam/role:Role" and "pods.eks" in item.inputs["assumeRolePolicy"]
    ]
    assert trusts
    arn = "arn:aws:eks:us-west-2:111122223333:cluster/inferstack-dev"
    assert {trust["Condition"]["ArnEquals"]["aws:SourceArn"] for trust in trusts} == {arn}


def test_a_version_without_pins_is_refused_before_anything_is_made() -> None:
    with pytest.raises(InputError, match=r"cluster\.version.*1\.29.*accepted: 1\.33"):
        preview(build(builders.dev(cluster={"version": "1.29"})))
