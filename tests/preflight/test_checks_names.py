"""Names that may be taken, versions, secrets, state: what would stop `up` half way."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace

import pytest

from inferstack.engine.backend import Backend, find_backend
from inferstack.engine.project import resolve
from inferstack.preflight.checks.adopted import ADOPTED, NEEDED_ADDONS
from inferstack.preflight.checks.bucket import BUCKET
from inferstack.preflight.checks.cluster import CLUSTER
from inferstack.preflight.checks.key_alias import KEY_ALIAS
from inferstack.preflight.checks.kubernetes import KUBERNETES
from inferstack.preflight.checks.log_group import LOG_GROUP
from inferstack.preflight.checks.secret import SECRET
from inferstack.preflight.checks.secret_name import SECRET_NAME
from inferstack.preflight.checks.state import STATE
from inferstack.preflight.needs import AdoptedVpc, ClusterNeeds, Named
from inferstack.preflight.types import Status
from tests.example_graphs import folder
from tests.preflight.conftest import REGION, needs

OWN = "inferstack.dev/environment"
WEIGHTS = Named(name="inferstack-prod-eu-weights", region=REGION)
LOGS = Named(name="/aws/eks/inferstack-prod-eu/cluster", region=REGION)
ALIAS = Named(name="alias/inferstack/prod-eu", region=REGION)


def cluster(version="1.35"):
    return ClusterNeeds(
        name="inferstack-prod-eu", version=version, system_types=(), system_nodes=0, system_nodes_max=0
    )


def make_bucket(world, region, environment=None):
    s3 = world.client("s3", region)
    s3.create_bucket(Bucket=WEIGHTS.name, CreateBucketConfiguration={"LocationConstraint": region})
    if environment:
        tags = {"TagSet": [{"Key": OWN, "Value": environment}]}
        s3.put_bucket_tagging(Bucket=WEIGHTS.name, Tagging=tags)


@pytest.mark.parametrize(
    ("environment", "status", "says"),
    [(None, Status.FAIL, "not of this environment"), ("other", Status.FAIL, "not of this"), ("prod-eu", Status.OK, "is this environment's")],
)  # fmt: skip
def test_bucket_that_is_there(look, world, environment, status, says):
    make_bucket(world, REGION, environment)
    (found,) = look(BUCKET, wanted=needs(buckets=(WEIGHTS,)))
    assert (found.status, says in found.what) == (status, True)
    assert ("modelStore.bucket" in (found.fix or "")) == (status is Status.FAIL)


def test_a_bucket_that_an_earlier_destroy_kept(look, world):
    make_bucket(world, REGION, "prod-eu")
    wanted = needs(buckets=(WEIGHTS,))
    assert look(BUCKET, wanted=wanted, held=frozenset({WEIGHTS.name}))[0].status is Status.OK
    (found,) = look(BUCKET, wanted=wanted, held=frozenset())
    assert (found.status, found.fix) == (
        Status.FAIL,
        f"modelStore.existingBucket: {WEIGHTS.name} uses it as it is",
    )


def test_bucket_that_is_not_there_or_somebody_elses(look, world):
    wanted = needs(buckets=(WEIGHTS,))
    assert look(BUCKET, wanted=wanted)[0].status is Status.OK
    world.fail("HeadBucket", "403", "Forbidden")
    assert look(BUCKET, wanted=wanted)[0].status is Status.FAIL
    world.fail("HeadBucket", "301", "Moved Permanently")
    assert "another region" in look(BUCKET, wanted=wanted)[0].what
    world.fail("HeadBucket", "SlowDown")
    assert look(BUCKET, wanted=wanted)[0].status is Status.UNKNOWN


def make_cluster(world, version, tags):
    world.client("eks").create_cluster(
        name="inferstack-prod-eu",
        version=version,
        roleArn="arn:aws:iam::123456789012:role/r",
        resourcesVpcConfig={"subnetIds": ["subnet-1"]},
        tags=tags,
    )


@pytest.mark.parametrize(
    ("running", "wanted", "status", "says"),
    [
        ("1.35", "1.35", Status.OK, "this environment's, version 1.35"),
        ("1.34", "1.35", Status.OK, "version 1.34"),
        ("1.36", "1.35", Status.FAIL, "never goes back"),
        ("1.33", "1.35", Status.FAIL, "one minor version at a time"),
    ],
)
def test_own_cluster_and_its_version_step(look, world, running, wanted, status, says):
    make_cluster(world, running, {OWN: "prod-eu"})
    (found,) = look(CLUSTER, wanted=needs(clusters=(cluster(wanted),)))
    assert (found.status, says in found.what) == (status, True)
    if running == "1.33":
        assert found.fix == 'cluster.version: "1.34" first'


def test_foreign_cluster_and_free_name(look, world):
    assert "is free" in look(CLUSTER)[0].what
    make_cluster(world, "1.35", {})
    assert look(CLUSTER)[0].status is Status.FAIL
    assert look(CLUSTER, wanted=needs(clusters=(replace(cluster(), existing=True),))) == ()


def test_adopted_cluster(look, world):
    wanted = needs(clusters=(replace(cluster(), existing=True),))
    (found,) = look(ADOPTED, wanted=wanted)
    assert (found.status, "is not in this account" in found.what) == (Status.FAIL, True)
    make_cluster(world, "1.34", {})
    said = {one.what: one.status for one in look(ADOPTED, wanted=wanted)}
    assert Status.UNKNOWN in said.values(), "moto does not list add-ons; what was found before stays"
    assert said["cluster inferstack-prod-eu runs 1.34, cluster.version says 1.35"] is Status.WARN
    assert said["cluster inferstack-prod-eu takes no access entries (CONFIG_MAP)"] is Status.FAIL
    world.answers["DescribeCluster"] = {
        "cluster": {"status": "ACTIVE", "version": "1.35", "accessConfig": {"authenticationMode": "API"}}
    }
    world.answers["ListAddons"] = {"addons": sorted(NEEDED_ADDONS - {"vpc-cni"})}
    (found,) = look(ADOPTED, wanted=wanted)
    assert (found.status, found.what) == (Status.WARN, "cluster inferstack-prod-eu has no add-on vpc-cni")
    world.answers["ListAddons"] = {"addons": sorted(NEEDED_ADDONS)}
    (found,) = look(ADOPTED, wanted=wanted)
    assert found.status is Status.OK


def test_adopted_vpc(look, world):
    ec2 = world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    large, small, elsewhere = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]
        for cidr, zone in (("10.0.0.0/20", "eu-central-1b"), ("10.0.16.0/28", "eu-central-1b"), ("10.0.32.0/20", "eu-central-1a"))
    )  # fmt: skip
    zones = (large["AvailabilityZoneId"],)

    def adopted(*subnets, vpc_id=vpc):
        one = AdoptedVpc(id=vpc_id, subnets=subnets)
        return [found.status for found in look(ADOPTED, wanted=needs(adopted_vpcs=(one,), zones=zones))]

    assert adopted(large["SubnetId"]) == [Status.OK]
    assert adopted(small["SubnetId"]) == [Status.WARN]
    assert adopted(elsewhere["SubnetId"]) == [Status.WARN]
    assert adopted(large["SubnetId"], "subnet-0123456789abcdef0") == [Status.FAIL]
    assert adopted(large["SubnetId"], vpc_id="vpc-0123456789abcdef0") == [Status.FAIL]


def test_log_groups(look, world):
    logs, wanted = world.client("logs"), needs(log_groups=(LOGS,))
    logs.create_log_group(logGroupName=f"{LOGS.name}-other")
    assert look(LOG_GROUP, wanted=wanted)[0].status is Status.OK
    logs.create_log_group(logGroupName=LOGS.name)
    (found,) = look(LOG_GROUP, wanted=wanted)
    assert found.status is Status.FAIL
    assert f"aws logs delete-log-group --log-group-name {LOGS.name} --region {REGION}" in found.fix
    logs.tag_log_group(logGroupName=LOGS.name, tags={OWN: "prod-eu"})
    assert look(LOG_GROUP, wanted=wanted)[0].status is Status.OK


def test_key_alias(look, world):
    kms, wanted = world.client("kms"), needs(key_aliases=(ALIAS,))
    assert "is free" in look(KEY_ALIAS, wanted=wanted)[0].what
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=ALIAS.name, TargetKeyId=key)
    assert look(KEY_ALIAS, wanted=wanted)[0].status is Status.FAIL
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": OWN, "TagValue": "prod-eu"}])
    assert look(KEY_ALIAS, wanted=wanted)[0].status is Status.OK


def test_secret_names(look, world):
    name = Named(name="ecr-pullthroughcache/inferstack-prod-eu-hub", region=REGION)
    secrets, wanted = world.client("secretsmanager"), needs(secret_names=(name,))
    assert "is free" in look(SECRET_NAME, wanted=wanted)[0].what
    secrets.create_secret(Name=name.name, SecretString="x")
    assert look(SECRET_NAME, wanted=wanted)[0].status is Status.FAIL
    secrets.tag_resource(SecretId=name.name, Tags=[{"Key": OWN, "Value": "prod-eu"}])
    assert look(SECRET_NAME, wanted=wanted)[0].status is Status.OK
    secrets.delete_secret(SecretId=name.name, RecoveryWindowInDays=7)
    (found,) = look(SECRET_NAME, wanted=wanted)
    assert (found.status, "--force-delete-without-recovery" in found.fix) == (Status.FAIL, True)


@pytest.mark.parametrize(
    ("version", "day", "status", "says"),
    [
        ("1.35", dt.date(2026, 11, 24), Status.OK, "123 days"),
        ("1.35", dt.date(2026, 12, 27), Status.OK, "90 days"),
        ("1.35", dt.date(2026, 12, 28), Status.WARN, "89 days"),
        ("1.35", dt.date(2027, 3, 28), Status.WARN, "$0.60 an hour instead of $0.10"),
        ("1.35", dt.date(2028, 3, 28), Status.FAIL, "out of support since 2028-03-27"),
        ("1.99", dt.date(2026, 11, 24), Status.UNKNOWN, "not in the catalog"),
    ],
)
def test_kubernetes_support(look, version, day, status, says):
    (found,) = look(KUBERNETES, wanted=needs(clusters=(cluster(version),)), today=day)
    assert (found.status, says in found.what) == (status, True), found.what
    if status is not Status.OK:
        assert 'cluster.version: "1.36"' in found.fix


def test_missing_secrets_fail_with_their_command(look):
    found = look(SECRET, wanted=needs(missing_secrets=("gatewayMasterKey", "providerKey.openai")))
    assert [one.status for one in found] == [Status.FAIL, Status.FAIL]
    assert found[1].fix.startswith("pulumi config set --secret inferstack:providerKey.openai")
    assert look(SECRET)[0].status is Status.OK


@pytest.mark.parametrize(
    ("backend", "residency", "statuses"),
    [
        (Backend(url="s3://state?region=eu-west-1"), ("EU",), [Status.OK]),
        (Backend(url="s3://state?region=us-east-1"), ("EU",), [Status.WARN]),
        (Backend(url="s3://state?region=us-east-1"), (), [Status.OK]),
        (Backend(url="s3://state?region=eu-west-1", secrets_provider="awskms://alias/p?region=us-east-1"), ("EU",), [Status.OK, Status.WARN]),
        (Backend(url="s3://state?region=eu-west-1", secrets_provider="passphrase"), ("EU",), [Status.OK]),
        (Backend(url="https://api.pulumi.com"), ("EU",), [Status.WARN]),
        (Backend(url="https://api.pulumi.com"), (), [Status.OK]),
        (Backend(url="gs://state"), ("EU",), [Status.WARN]),
        (Backend(url="file://~"), ("EU",), [Status.OK]),
        (Backend(url=None), ("EU",), [Status.WARN]),
    ],
)  # fmt: skip
def test_where_state_lives(look, backend, residency, statuses):
    found = look(STATE, wanted=needs(residency=residency), backend=backend)
    assert [one.status for one in found] == statuses
    assert all(one.fix for one in found if one.status is Status.WARN)


def test_the_region_of_a_state_bucket_is_asked_when_the_url_does_not_say(look, world):
    place = {"LocationConstraint": "eu-west-3"}
    world.client("s3", "eu-west-3").create_bucket(Bucket="state", CreateBucketConfiguration=place)
    (found,) = look(STATE, backend=Backend(url="s3://state/prefix"))
    assert (found.status, "eu-west-3" in found.what) == (Status.OK, True)
    (found,) = look(STATE, wanted=needs(residency=("DE",)), backend=Backend(url="s3://state/prefix"))
    assert found.status is Status.WARN
    assert look(STATE, backend=Backend(url="s3://nowhere"))[0].status is Status.UNKNOWN


def test_backend_is_found_as_the_cli_finds_it(tmp_path):
    target = resolve(folder("dev") / "environment.yaml")
    home = {"PULUMI_HOME": str(tmp_path)}
    assert find_backend(target, home).kind == "none"
    (tmp_path / "credentials.json").write_text('{"current": "s3://from-login?region=eu-west-1"}')
    login = find_backend(target, home)
    assert (login.kind, login.bucket, login.region) == ("s3", "from-login", "eu-west-1")
    assert find_backend(target, home | {"PULUMI_BACKEND_URL": "file:///state"}).kind == "local"
    (tmp_path / "credentials.json").write_text("{")
    assert find_backend(target, {"HOME": str(tmp_path / "x"), **home}).kind == "none"


def test_backend_of_the_project_and_the_stacks_key(tmp_path, monkeypatch):
    (tmp_path / "prod").mkdir()
    (tmp_path / "prod" / "environment.yaml").write_text("{}")
    text = "name: p\nruntime: python\nbackend: {url: 's3://from-project?region=eu-west-1'}\n"
    (tmp_path / "Pulumi.yaml").write_text(text)
    (tmp_path / "Pulumi.prod.yaml").write_text("secretsprovider: awskms://alias/x?region=eu-west-3\n")
    monkeypatch.chdir(tmp_path)
    found = find_backend(resolve(tmp_path / "prod" / "environment.yaml"), {"PULUMI_HOME": os.devnull})
    assert (found.bucket, found.key_region) == ("from-project", "eu-west-3")
