"""Boot settings and disks of GPU nodes: AL2023 in nodeadm's words, Bottlerocket in TOML."""

from __future__ import annotations

import base64
import tomllib

import pytest
import yaml

from components.node_image import NodeBoot, NodeImage, ami_type, node_boot, volumes
from inferstack.catalog.load import load_catalog
from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, one, preview

CATALOG = load_catalog()
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def boot(image: NodeImage, **changes: bool) -> NodeBoot:
    return NodeBoot(image=image, raid=True, parallel_pull=True, **changes)


def nodeadm(text: str | None) -> object:
    """The NodeConfig inside the MIME document."""
    assert text is not None
    assert text.startswith("MIME-Version: 1.0\n")
    return yaml.safe_load(text.split("application/node.eks.aws\n")[1].split("--inferstack--")[0])


def test_al2023_stripes_disks_and_pulls_in_parallel() -> None:
    assert nodeadm(boot("al2023").text) == {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {
            "instance": {"localStorage": {"strategy": "RAID0"}},
            "featureGates": {"FastImagePull": True},
        },
    }


def test_bottlerocket_says_the_same_in_toml() -> None:
    assert tomllib.loads(boot("bottlerocket").text or "")["settings"] == {
        "container-runtime": {"snapshotter": "soci"},
        "container-runtime-plugins": {"soci-snapshotter": {"pull-mode": "parallel-pull-unpack"}},
        "bootstrap-commands": {
            "mount-instance-storage": {
                "commands": [
                    ["apiclient", "ephemeral-storage", "init"],
                    ["apiclient", "ephemeral-storage", "bind"],
                ],
                "mode": "always",
                "essential": True,
            }
        },
    }


def test_bottlerockets_own_device_plugin_is_switched_off_where_another_hands_out_gpus() -> None:
    settings = tomllib.loads(boot("bottlerocket", device_plugin=False).text or "")["settings"]
    assert settings["kubelet-device-plugins"] == {"nvidia": {"enabled": False}}
    # AL2023 has none to switch off
    assert boot("al2023", device_plugin=False).text == boot("al2023").text


def test_defaults_need_no_user_data() -> None:
    assert NodeBoot(image="al2023", raid=False, parallel_pull=False).text is None
    assert NodeBoot(image="bottlerocket", raid=False, parallel_pull=False).text is None


@pytest.mark.parametrize(
    ("name", "raid", "parallel"),
    [("g6.xlarge", True, False), ("g6e.12xlarge", True, True), ("p3.8xlarge", False, True)],
)
def test_small_nodes_pull_one_layer_at_a_time(name: str, raid: bool, parallel: bool) -> None:
    found = node_boot(CATALOG.instance(name), "al2023", raid=True)
    assert (found.raid, found.parallel_pull) == (raid, parallel)


def test_images_live_on_the_second_volume_of_bottlerocket() -> None:
    assert [
        (disk.device, disk.gib, disk.fast) for disk in volumes("bottlerocket", data_gib=60, fast=False)
    ] == [
        ("/dev/xvda", 10, False),
        ("/dev/xvdb", 60, False),
    ]
    (only,) = volumes("al2023", data_gib=200, fast=True)
    assert only.ebs() == {
        "volumeType": "gp3",
        "volumeSize": 200,
        "iops": 4000,
        "throughput": 600,
        "encrypted": "true",
        "deleteOnTermination": "true",
    }


def test_each_image_has_its_type() -> None:
    instance = CATALOG.instance("p5.48xlarge")
    assert ami_type(instance, "al2023") == "AL2023_x86_64_NVIDIA"
    assert ami_type(instance, "bottlerocket") == "BOTTLEROCKET_x86_64_NVIDIA"


@pytest.fixture(scope="module")
def bottlerocket() -> Graph:
    return preview(build(builders.prod(cluster={"nodeImage": "bottlerocket"})))


class TestBottlerocketEnvironment:
    def test_gpu_nodes_run_it_and_system_nodes_do_not(self, bottlerocket: Graph) -> None:
        images = {
            item.name: item.inputs["amiType"] for item in bottlerocket.of_type("aws:eks/nodeGroup:NodeGroup")
        }
        assert images == {
            "prod-eu-chat-gpus": "BOTTLEROCKET_x86_64_NVIDIA",
            "prod-eu-embed-gpus": "BOTTLEROCKET_x86_64_NVIDIA",
            "prod-eu-cluster-system": "AL2023_x86_64_STANDARD",
        }

    def test_its_settings_are_toml_and_its_disks_two(self, bottlerocket: Graph) -> None:
        template = one(bottlerocket, TEMPLATE, "prod-eu-chat-gpus").inputs
        settings = tomllib.loads(base64.b64decode(str(template["userData"])).decode())["settings"]
        assert settings["container-runtime"]["snapshotter"] == "soci"
        assert [disk["deviceName"] for disk in template["blockDeviceMappings"]] == ["/dev/xvda", "/dev/xvdb"]

    def test_the_label_daemons_look_for_is_set_by_the_pool(self, bottlerocket: Graph) -> None:
        labels = one(bottlerocket, "aws:eks/nodeGroup:NodeGroup", "prod-eu-chat-gpus").inputs["labels"]
        assert labels["nvidia.com/gpu.present"] == "true"
