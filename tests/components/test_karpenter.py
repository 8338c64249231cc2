"""Karpenter instead of managed node groups: controller, rights, queue, and pools that its own schema accepts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, deploy, inventory, one, preview
from tests.components.sdk import mismatches
from tests.components.test_environment import reaches
from tests.components.test_inventory import DEV, GROUPS

SCHEMAS = Path(__file__).parents[1] / "data" / "karpenter"
NODE_POOL = "kubernetes:karpenter.sh/v1:NodePool"
NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
RELEASE = "kubernetes:helm.sh/v3:Release"
ADDED = {
    "aws:cloudwatch/eventRule:EventRule": 4,
    "aws:cloudwatch/eventTarget:EventTarget": 4,
    "aws:iam/instanceProfile:InstanceProfile": 1,
    "aws:sqs/queue:Queue": 1,
    "aws:sqs/queuePolicy:QueuePolicy": 1,
    "inferstack:index:Karpenter": 1,
    NODE_CLASS: 1,
    NODE_POOL: 1,
}
MORE = {
    "aws:ec2/launchTemplate:LaunchTemplate": -1,
    "aws:eks/nodeGroup:NodeGroup": -1,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": 1,
    "aws:iam/role:Role": 1,
    "aws:iam/rolePolicy:RolePolicy": 1,
    RELEASE: 2,
}
KARPENTER: Mapping[str, Any] = {"gpuNodes": "karpenter"}
DEV_CLUSTER = {
    "endpoint": "public",
    "publicAccessCidrs": ["203.0.113.0/24"],
    "deletionProtection": False,
    **KARPENTER,
}


def with_karpenter(managed: Mapping[str, int], *, endpoints: int) -> dict[str, int]:
    """What an inventory becomes."""
    found = {**managed, **ADDED}
    for kind, more in MORE.items():
        found[kind] += more
    found["aws:ec2/vpcEndpoint:VpcEndpoint"] += endpoints
    del found["aws:autoscaling/tag:Tag"]
    return dict(sorted(found.items()))


@pytest.fixture(scope="module")
def spot() -> Graph:
    return preview(build(builders.dev(cluster=DEV_CLUSTER)))


@pytest.fixture(scope="module")
def efa() -> Graph:
    return preview(build(builders.groups(cluster=KARPENTER)))


def spec(graph: Graph, kind: str) -> Any:
    return one(graph, kind).inputs["spec"]


def concrete(document: Any) -> Any:
    """With text in the place of what is known after deployment only."""
    return json.loads(json.dumps(document, default=lambda unknown: "unknown-1"))


def accepted(graph: Graph) -> None:
    for kind, name in ((NODE_CLASS, "ec2nodeclass"), (NODE_POOL, "nodepool")):
        schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
        for item in graph.of_type(kind):
            document = concrete(item.inputs["spec"])
            for term in document.get("subnetSelectorTerms", []):
                term["id"] = "subnet-1"
            for term in document.get("securityGroupSelectorTerms", []):
                term.update({"id": "sg-1"} if "id" in term else {})
            jsonschema.validate(document, schema)


def requirements(graph: Graph) -> dict[str, list[str]]:
    found = spec(graph, NODE_POOL)["template"]["spec"]["requirements"]
    assert {item["operator"] for item in found} == {"In"}
    return {item["key"]: item["values"] for item in found}


class TestInventory:
    def test_no_launch_template_no_node_group_and_everything_karpenter_needs(
        self, spot: Graph, efa: Graph
    ) -> None:
        assert inventory(item.type for item in spot) == with_karpenter(DEV, endpoints=0)
        # a private network also needs the ways to SQS and to the image parameters
        assert inventory(item.type for item in efa) == with_karpenter(GROUPS, endpoints=2)

    def test_an_update_has_the_same(self) -> None:
        recorder = deploy(build(builders.dev(cluster=DEV_CLUSTER)))
        assert inventory(item.typ for item in recorder.resources) == with_karpenter(DEV, endpoints=0)

    def test_inputs_are_known_to_the_sdk(self, spot: Graph) -> None:
        kinds = ("aws:sqs/", "aws:cloudwatch/event", "aws:iam/instanceProfile")
        items = [item for item in spot if item.type.startswith(kinds)]
        assert len(items) == 11
        assert [problem for item in items for problem in mismatches(item.type, item.inputs)] == []


class TestPools:
    def test_karpenters_own_schema_accepts_them(self, spot: Graph, efa: Graph) -> None:
        accepted(spot)
        accepted(efa)

    def test_a_wrong_field_would_be_refused(self) -> None:
        schema = json.loads((SCHEMAS / "nodepool.json").read_text(encoding="utf-8"))
        with pytest.raises(jsonschema.ValidationError, match="weigth"):
            jsonschema.validate({"template": {"spec": {}}, "weigth": 1}, schema)

    def test_spot_takes_several_types_that_hold_the_same_pods(self, spot: Graph) -> None:
        assert requirements(spot) == {
            "node.kubernetes.io/instance-type": ["g6.xlarge", "g6.2xlarge"],
            "karpenter.sh/capacity-type": ["spot"],
            "topology.k8s.aws/zone-id": ["usw2-az1", "usw2-az2"],
            "kubernetes.io/arch": ["amd64"],
        }

    def test_a_pool_is_labelled_tainted_and_bounded_like_a_managed_one(self, spot: Graph, dev: Graph) -> None:
        pool = spec(spot, NODE_POOL)
        managed = one(dev, "aws:eks/nodeGroup:NodeGroup", "dev-assistant-gpus").inputs
        assert pool["template"]["metadata"]["labels"] == managed["labels"]
        assert pool["template"]["spec"]["taints"] == [
            {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
        ]
        assert pool["limits"] == {"nvidia.com/gpu": str(managed["scalingConfig"]["maxSize"])}

    def test_only_empty_nodes_go_and_none_because_of_its_age(self, spot: Graph) -> None:
        assert spec(spot, NODE_POOL)["disruption"] == {
            "consolidationPolicy": "WhenEmpty",
            "consolidateAfter": "20m",
            "budgets": [{"nodes": "1"}],
        }
        assert spec(spot, NODE_POOL)["template"]["spec"]["expireAfter"] == "Never"

    def test_nodes_are_launched_as_managed_ones_are(self, spot: Graph) -> None:
        launch = spec(spot, NODE_CLASS)
        assert launch["amiSelectorTerms"] == [{"alias": "al2023@v20260714"}]
        assert launch["metadataOptions"] == {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
        }
        assert launch["blockDeviceMappings"][0]["ebs"]["encrypted"] is True
        assert launch["instanceStorePolicy"] == "RAID0"
        assert launch["tags"]["inferstack.dev/workload"] == "assistant"
        assert "role" not in launch

    def test_nodes_of_one_replica_share_a_placement_group_a_zone_and_efa(self, efa: Graph) -> None:
        launch = spec(efa, NODE_CLASS)
        interfaces = launch["networkInterfaces"]
        assert interfaces[0] == {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"}
        cards = [item["networkCardIndex"] for item in interfaces if item["interfaceType"] == "efa-only"]
        assert cards == list(range(16))
        assert list(launch["placementGroupSelector"]) == ["name"]
        assert requirements(efa)["topology.k8s.aws/zone-id"] == ["usw2-az2"]
        assert [list(term) for term in launch["securityGroupSelectorTerms"]] == [["tags"], ["id"]]
        assert len(launch["subnetSelectorTerms"]) == 1

    @pytest.mark.parametrize(
        ("purchase", "types"),
        [("capacity-block", ["reserved"]), ("capacity-reservation", ["reserved", "on-demand"])],
    )
    def test_reservations_are_named_and_their_nodes_stay(self, purchase: str, types: list[str]) -> None:
        args = builders.reserved(purchase)
        spec_ = args.loaded.environment.model_copy(
            update={"cluster": args.loaded.environment.cluster.model_copy(update={"gpu_nodes": "karpenter"})}
        )
        graph = preview(build(replace(args, loaded=replace(args.loaded, environment=spec_))))
        accepted(graph)
        assert spec(graph, NODE_CLASS)["capacityReservationSelectorTerms"] == [{"id": "cr-0123456789abcdef0"}]
        assert requirements(graph)["karpenter.sh/capacity-type"] == types
        assert spec(graph, NODE_POOL)["disruption"]["consolidateAfter"] == "Never"


class TestController:
    def test_it_runs_on_nodes_it_does_not_start(self, spot: Graph) -> None:
        values = one(spot, RELEASE, "dev-karpenter-karpenter").inputs["values"]
        assert values["nodeSelector"]["inferstack.dev/pool"] == "system"
        assert values["settings"] == {
            "clusterName": "inferstack-dev",
            "interruptionQueue": "inferstack-dev-interruptions",
            "isolatedVPC": False,
            "featureGates": {"nodeRepair": True},
        }

    def test_versions_are_pinned_and_kinds_come_before_their_objects(self, spot: Graph) -> None:
        controller = one(spot, RELEASE, "dev-karpenter-karpenter")
        kinds = one(spot, RELEASE, "dev-karpenter-karpenter-crd")
        assert controller.inputs["version"] == kinds.inputs["version"] == "1.14.1"
        assert controller.inputs["skipCrds"] is True
        assert "skipCrds" not in kinds.inputs
        assert reaches(spot, controller, kinds)

    def test_deletion_ends_nodes_while_the_controller_still_runs(self, spot: Graph) -> None:
        """Pods, then the pool (its finalizer drains), then the class, then the controller, then its rights."""
        server = one(spot, "kubernetes:apps/v1:Deployment", "dev-assistant")
        pool, launch = one(spot, NODE_POOL), one(spot, NODE_CLASS)
        controller = one(spot, RELEASE, "dev-karpenter-karpenter")
        identity = one(spot, "aws:eks/podIdentityAssociation:PodIdentityAssociation", "dev-karpenter")
        system = one(spot, "aws:eks/nodeGroup:NodeGroup", "dev-cluster-system")
        chain = [server, pool, launch, controller, identity]
        for later, earlier in pairwise(chain):
            assert reaches(spot, later, earlier)
        assert reaches(spot, controller, system)

    def test_an_isolated_network_is_said(self) -> None:
        network = {"cidr": "10.10.0.0/16", "nat": "none", "private": True, "flowLogs": False}
        registry = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
        graph = preview(build(builders.dev(cluster=DEV_CLUSTER, network=network, registry=registry)))
        values = one(graph, RELEASE, "dev-karpenter-karpenter").inputs["values"]
        assert values["settings"]["isolatedVPC"] is True


class TestRights:
    def statements(self, graph: Graph) -> list[dict[str, Any]]:
        policy = one(graph, "aws:iam/rolePolicy:RolePolicy", "dev-karpenter").inputs["policy"]
        return list(json.loads(str(policy))["Statement"])

    def test_all_of_them_are_known_at_preview_and_none_is_a_wildcard_action(self, spot: Graph) -> None:
        for statement in self.statements(spot):
            assert all("*" not in action for action in statement["Action"])

    def test_no_iam_but_the_one_node_role(self, spot: Graph) -> None:
        found = {
            action: statement["Resource"]
            for statement in self.statements(spot)
            for action in statement["Action"]
            if action.startswith("iam:")
        }
        assert found == {
            "iam:GetInstanceProfile": ["arn:aws:iam::111122223333:instance-profile/*"],
            "iam:PassRole": ["arn:aws:iam::111122223333:role/dev-cluster-node-???????"],
        }

    def test_what_ends_instances_is_bound_to_this_clusters_tag(self, spot: Graph) -> None:
        for statement in self.statements(spot):
            if "ec2:TerminateInstances" in statement["Action"]:
                owned = {"aws:ResourceTag/kubernetes.io/cluster/inferstack-dev": "owned"}
                assert statement["Condition"]["StringEquals"] == owned
                break
        else:
            pytest.fail("it could not end a node")

    def test_what_has_every_resource_only_reads(self, spot: Graph) -> None:
        everywhere = [
            action
            for statement in self.statements(spot)
            if statement["Resource"] == ["*"]
            for action in statement["Action"]
        ]
        assert all(action.startswith(("ec2:Describe", "pricing:Get")) for action in everywhere)


class TestInterruptions:
    def test_four_kinds_of_notice_reach_the_queue(self, spot: Graph) -> None:
        rules = spot.of_type("aws:cloudwatch/eventRule:EventRule")
        kinds = sorted(json.loads(str(rule.inputs["eventPattern"]))["detail-type"][0] for rule in rules)
        assert kinds == [
            "AWS Health Event",
            "EC2 Instance Rebalance Recommendation",
            "EC2 Instance State-change Notification",
            "EC2 Spot Instance Interruption Warning",
        ]
        arn = "arn:aws:sqs:us-west-2:111122223333:inferstack-dev-interruptions"
        assert {
            target.inputs["arn"] for target in spot.of_type("aws:cloudwatch/eventTarget:EventTarget")
        } == {arn}

    def test_only_these_rules_send_and_only_over_tls(self, spot: Graph) -> None:
        queue = one(spot, "aws:sqs/queue:Queue").inputs
        assert queue["sqsManagedSseEnabled"] is True
        policy = json.loads(str(one(spot, "aws:sqs/queuePolicy:QueuePolicy").inputs["policy"]))
        send, tls = policy["Statement"]
        assert len(send["Condition"]["ArnEquals"]["aws:SourceArn"]) == 4
        assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})

    def test_long_names_fit(self) -> None:
        from components.interruptions import queue_name, rule_name

        assert len(queue_name("e" * 40)) <= 80
        assert len(rule_name("e" * 60, "rebalance")) <= 64


def test_the_managed_pool_and_the_karpenter_pool_keep_cluster_and_weights(spot: Graph, dev: Graph) -> None:
    """Switching over replaces nodes and adds a controller; it touches nothing that cannot be made again."""
    before, after = {item.urn for item in dev.managed()}, {item.urn for item in spot.managed()}
    gone = {dev.by_urn[urn].type for urn in before - after}
    assert gone == {
        "aws:autoscaling/tag:Tag",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:eks/nodeGroup:NodeGroup",
    }
    kept = {
        item.type
        for item in dev.managed()
        if item.urn in after and item.inputs == spot.by_urn[item.urn].inputs
    }
    assert {"aws:ec2/vpc:Vpc", "aws:eks/cluster:Cluster", "aws:s3/bucket:Bucket", "aws:kms/key:Key"} <= kept
