"""The same resources as Terraform: checked by the real provider's schema, and made by it in a moto server.

A second opinion beside boto3's: the provider knows which inputs go together. It runs where `terraform` and a
local mirror of the AWS provider are (``INFERSTACK_TF_PLUGINS`` names one that Terraform does not know itself).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.aws.cloud import UNSUPPORTED, Cloud, Unsupported, maybe
from tests.aws.environments import ACCOUNT, IN_AN_EXISTING_VPC, NEW, THERE, everything_of_provider_5
from tests.aws.terraform import TABLE, TYPES, Document, references, render, without_newer
from tests.components.running import build

pytestmark = pytest.mark.aws
MIRRORS = (
    os.environ.get("INFERSTACK_TF_PLUGINS", ""),
    "~/.terraform.d/plugins",
    "/usr/local/share/terraform/plugins",
    "/opt/tf-plugins",
)
"""Where a mirror may be: named by hand, then where Terraform and packagers put them."""
PROVIDER = "registry.terraform.io/hashicorp/aws"
ENVIRONMENTS = {
    **NEW,
    **{name: lambda make=make: make(THERE) for name, make in IN_AN_EXISTING_VPC.items()},  # type: ignore[misc]  # bound now
    "everything": everything_of_provider_5,
}


@cache
def _rendered(name: str) -> str:
    args = ENVIRONMENTS[name]()
    environment = args.loaded.environment
    tags = {"inferstack.dev/environment": environment.name, **environment.tags}
    return json.dumps(render(build(args), region=environment.cloud.region, default_tags=tags))


def rendered(name: str) -> Document:
    """A configuration of the caller's own."""
    return dict(json.loads(_rendered(name)))


@pytest.mark.parametrize("name", list(ENVIRONMENTS))
def test_every_reference_leads_to_a_resource(name: str) -> None:
    document = rendered(name)
    known = {f"{kind}.{label}" for kind, found in document["resource"].items() for label in found}
    assert references(document) <= known
    assert len(references(document)) >= 5
    assert "@@" not in json.dumps(document)


def mirror() -> tuple[Path, str] | None:
    """A mirror with the AWS provider for this machine, and the version in it."""
    for text in filter(None, MIRRORS):
        folder = Path(text).expanduser()
        versions = sorted(path.name for path in (folder / PROVIDER).glob("5.*") if path.is_dir())
        if versions:
            return folder, versions[-1]
    return None


class Terraform:
    """A folder that knows the provider."""

    def __init__(self, folder: Path, plugins: Path, version: str) -> None:
        self.folder, self.version = folder, version
        self.write({"provider": {"aws": [{"region": "eu-central-1"}]}})
        self.run("init", "-input=false", f"-plugin-dir={plugins}")

    def write(self, document: Document, endpoint: str | None = None) -> None:
        source = {"source": "hashicorp/aws", "version": self.version}
        offline: dict[str, Any] = {
            "access_key": "testing",
            "secret_key": "testing",
            "skip_credentials_validation": True,
            "skip_metadata_api_check": True,
            "skip_requesting_account_id": True,
            "s3_use_path_style": True,
        }
        providers = [{**one, **offline} for one in document["provider"]["aws"]]
        whole = {
            **document,
            "provider": {"aws": providers},
            "terraform": {"required_providers": {"aws": source}},
        }
        (self.folder / "main.tf.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
        self.endpoint = endpoint

    def run(self, *arguments: str, seconds: int = 150) -> str:
        """Output of a command that succeeds; requests can only go to the endpoint of the test."""
        nowhere = "http://127.0.0.1:9"
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        settings = {
            **kept,
            "TF_CLI_CONFIG_FILE": os.devnull,
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "AWS_ENDPOINT_URL": self.endpoint_or(nowhere),
            "HTTPS_PROXY": nowhere,
        }
        command = ["terraform", *arguments, "-no-color"]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=settings,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    def endpoint_or(self, nowhere: str) -> str:
        return getattr(self, "endpoint", None) or nowhere


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    if shutil.which("terraform") is None:
        pytest.skip("no terraform on PATH")
    found = mirror()
    if found is None:
        pytest.skip(f"no mirror of hashicorp/aws 5.x in {', '.join(filter(None, MIRRORS))}")
    return Terraform(tmp_path_factory.mktemp("terraform"), *found)


VALIDATED = (
    "dev",
    "prod-eu",
    "groups",
    "capacity-block",
    "karpenter",
    "adopted-cluster",
    "stores",
    "everything",
)
"""Together they have every input; the rest is like them, and a validation takes seconds."""


def inputs_of(names: Iterable[str]) -> set[tuple[str, str]]:
    """Types with each of their inputs."""
    return {
        (kind, key)
        for name in names
        for kind, found in rendered(name)["resource"].items()
        for body in found.values()
        for key in body
    }


def test_what_is_validated_has_every_input_of_all() -> None:
    assert inputs_of(VALIDATED) == inputs_of(ENVIRONMENTS)


@pytest.mark.parametrize("name", VALIDATED)
def test_the_providers_schema_accepts_every_input(name: str, terraform: Terraform) -> None:
    document, _ = without_newer(rendered(name))
    terraform.write(document)
    assert "The configuration is valid" in terraform.run("validate")


def test_what_is_left_out_for_an_older_provider_is_used_somewhere() -> None:
    left_out = set().union(*(without_newer(rendered(name))[1] for name in ENVIRONMENTS))
    declared = {(kind, path) for kind, paths in TABLE["missing_in_provider_5"].items() for path in paths}
    assert left_out == declared


def test_a_name_that_the_schema_has_not_is_refused(terraform: Terraform) -> None:
    document, _ = without_newer(rendered("groups"))
    body = next(iter(document["resource"]["aws_launch_template"].values()))
    body["metadata_options"]["http_token"] = "required"
    terraform.write(document)
    with pytest.raises(AssertionError, match="http_token"):
        terraform.run("validate")


def test_the_provider_makes_everything_in_moto(terraform: Terraform, endpoint: str) -> None:
    document, _ = without_newer(rendered("everything"))
    wanted = sum(len(found) for found in document["resource"].values())
    dropped = {TYPES[kind] for kind in UNSUPPORTED} | set(TABLE["not_applied"])
    document["resource"] = {
        kind: found for kind, found in document["resource"].items() if kind not in dropped
    }
    count = sum(len(found) for found in document["resource"].values())
    # the rest, few of many, was checked by schema alone
    assert count > 0.8 * wanted
    terraform.write(document, endpoint)
    applied = terraform.run("apply", "-auto-approve", "-input=false", "-parallelism=20", seconds=400)
    (added,) = re.findall(r"Apply complete! Resources: (\d+) added, 0 changed, 0 destroyed", applied)
    assert int(added) == count
    cloud = Cloud(endpoint, "eu-central-1", ACCOUNT)
    assert cloud.client("eks").list_clusters()["clusters"] == ["inferstack-prod-eu"]
    assert len(cloud.client("eks").list_nodegroups(clusterName="inferstack-prod-eu")["nodegroups"]) == 3


class TestWhatTerraformDoesNotApplyHere:
    """Each reason in ``not_applied`` still holds: an entry whose probe fails can go."""

    def test_every_entry_has_a_probe(self) -> None:
        probed = {name.removeprefix("test_probe_") for name in dir(self) if name.startswith("test_probe_")}
        assert {f"aws_{name}" for name in probed} == set(TABLE["not_applied"])

    def test_probe_budgets_budget(self, endpoint: str) -> None:
        """The provider reads back who is told, and moto cannot say."""
        budgets = Cloud(endpoint, "eu-central-1", ACCOUNT).client("budgets")
        told = {
            "NotificationType": "ACTUAL",
            "ComparisonOperator": "GREATER_THAN",
            "Threshold": 80,
        }
        with pytest.raises(Unsupported):
            maybe(
                budgets.describe_subscribers_for_notification,
                AccountId=ACCOUNT,
                BudgetName="x",
                Notification=told,
            )

    def test_probe_autoscaling_group_tag(self, endpoint: str) -> None:
        """moto's node groups name a scaling group that it does not make."""
        cloud = Cloud(endpoint, "eu-central-1", ACCOUNT)
        eks, ec2 = cloud.client("eks"), cloud.client("ec2")
        subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]]
        role = f"arn:aws:iam::{ACCOUNT}:role/x"
        eks.create_cluster(name="c", roleArn=role, resourcesVpcConfig={"subnetIds": subnets})
        eks.create_nodegroup(clusterName="c", nodegroupName="n", subnets=subnets, nodeRole=role)
        assert cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
