"""Where the gateway keeps keys and spend, and the job that brings the teams."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from components import gateway_args, rds_authority
from components.environment import InferenceEnvironmentArgs
from components.settings import Settings
from inferstack.engine.graph import Graph
from inferstack.resources import UNKNOWN
from tests.components import builders, sdk
from tests.components.running import build, deploy, manifest, one, preview

TEAMS = [
    {"name": "support", "budget": {"monthlyUsd": 500}, "rpm": 600, "tpm": 200000, "models": ["chat"]},
    {"name": "everyone"},
]


def environment(database: str, *, production: bool = True, **gateway: Any) -> InferenceEnvironmentArgs:
    section = {
        "host": "llm.example.eu",
        "waf": False,
        "tls": "none",
        "database": database,
        "teams": TEAMS,
        **gateway,
    }
    tags = {"environment": "prod" if production else "dev"}
    args = builders.prod(gateway=section, monitoring={"stack": "none"}, tags=tags)
    return replace(args, settings=replace(builders.SECRETS, gateway_database_password=None))


def with_password(args: InferenceEnvironmentArgs) -> InferenceEnvironmentArgs:
    settings = Settings(
        gateway_master_key="sk-test",
        hugging_face_token="hf-test",
        gateway_database_password="db-test",
        team_keys={"support": "sk-support-0123456789"},
    )
    return InferenceEnvironmentArgs(
        loaded=args.loaded, plan=args.plan, catalog=args.catalog, settings=settings
    )


@pytest.fixture(scope="module")
def rds() -> Graph:
    return preview(build(environment("rds")))


@pytest.fixture(scope="module")
def inside() -> Graph:
    return preview(build(with_password(environment("in-cluster", production=False))))


def kinds(graph: Graph, word: str) -> dict[str, int]:
    return dict(Counter(item.type for item in graph if word in item.name and "gateway" in item.name))


def test_rds_makes_exactly_this(rds: Graph) -> None:
    assert kinds(rds, "database") == {
        "aws:ec2/securityGroup:SecurityGroup": 1,
        "aws:rds/instance:Instance": 1,
        "aws:rds/parameterGroup:ParameterGroup": 1,
        "aws:rds/subnetGroup:SubnetGroup": 1,
        "kubernetes:core/v1:ConfigMap": 1,
    }
    assert kinds(rds, "teams") == {
        "kubernetes:batch/v1:Job": 1,
        "kubernetes:core/v1:ConfigMap": 1,
        "kubernetes:core/v1:ServiceAccount": 1,
        "kubernetes:networking.k8s.io/v1:NetworkPolicy": 1,
    }


def test_the_instance_is_encrypted_private_kept_and_keeps_its_password_to_itself(rds: Graph) -> None:
    found = one(rds, "aws:rds/instance:Instance")
    plain = {key: value for key, value in found.inputs.items() if value is not UNKNOWN}
    assert plain == {
        "engine": "postgres",
        "engineVersion": "17",
        "instanceClass": "db.t4g.medium",
        "allocatedStorage": 20,
        "storageType": "gp3",
        "storageEncrypted": True,
        "dbName": "litellm",
        "username": "litellm",
        "multiAz": True,
        "publiclyAccessible": False,
        "caCertIdentifier": "rds-ca-rsa2048-g1",
        "autoMinorVersionUpgrade": True,
        "backupRetentionPeriod": 35,
        "copyTagsToSnapshot": True,
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        "finalSnapshotIdentifier": "prod-eu-gateway-database-final",
        "enabledCloudwatchLogsExports": ["postgresql"],
        "manageMasterUserPassword": True,
    } | {key: plain[key] for key in ("vpcSecurityGroupIds",) if key in plain}
    assert {"kmsKeyId", "masterUserSecretKmsKeyId", "dbSubnetGroupName"} <= found.inputs.keys()
    assert found.options.protect is True


def test_every_property_is_one_the_provider_knows(rds: Graph) -> None:
    for item in rds:
        if item.type.startswith("aws:rds/"):
            assert sdk.mismatches(item.type, item.inputs) == []


def test_only_the_clusters_nodes_connect_and_only_with_tls(rds: Graph) -> None:
    group = one(rds, "aws:ec2/securityGroup:SecurityGroup", "prod-eu-gateway-database").inputs
    (rule,) = group["ingress"]
    assert (rule["fromPort"], rule["toPort"]) == (5432, 5432)
    assert "cidrBlocks" not in rule
    parameters = one(rds, "aws:rds/parameterGroup:ParameterGroup").inputs["parameters"]
    assert parameters == [{"name": "rds.force_ssl", "value": "1"}]


def test_the_gateway_accepts_no_server_but_the_regions_own(rds: Graph) -> None:
    address = manifest(rds, "ConfigMap", "gateway-database")["data"]
    assert address["DATABASE_HOST"] is UNKNOWN
    assert address["DATABASE_SSLMODE"] == "verify-full"
    assert address["authority.pem"] == rds_authority.authority("eu-central-1")
    pod = manifest(rds, "Deployment", "litellm")["spec"]["template"]["spec"]
    (volume,) = [item for item in pod["volumes"] if item["name"] == "database"]
    assert volume["configMap"]["items"] == [{"key": "authority.pem", "path": "authority.pem"}]
    (mount,) = [item for item in pod["containers"][0]["volumeMounts"] if item["name"] == "database"]
    assert address["DATABASE_SSLROOTCERT"] == f"{mount['mountPath']}/authority.pem"
    given = {item["name"] for item in pod["containers"][0]["env"]}
    assert given >= address.keys() - {"authority.pem"}


def test_where_the_authority_is_not_known_the_connection_is_encrypted_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway_args, "authority", lambda _region: None)
    found = preview(build(environment("rds")))
    address = manifest(found, "ConfigMap", "gateway-database")["data"]
    assert address["DATABASE_SSLMODE"] == "require"
    assert not {"authority.pem", "DATABASE_SSLROOTCERT"} & address.keys()
    pod = manifest(found, "Deployment", "litellm")["spec"]["template"]["spec"]
    assert "database" not in {item["name"] for item in pod["volumes"]}
    assert "DATABASE_SSLROOTCERT" not in {item["name"] for item in pod["containers"][0]["env"]}


def test_outside_production_it_is_smaller_and_may_go() -> None:
    found = one(preview(build(environment("rds", production=False))), "aws:rds/instance:Instance")
    assert (found.inputs["multiAz"], found.inputs["deletionProtection"]) == (False, False)
    assert found.inputs["skipFinalSnapshot"] is True
    assert found.options.protect is not True


def test_a_given_password_is_used_and_kept_in_the_cluster() -> None:
    recorder = deploy(build(with_password(environment("rds"))))
    (instance,) = [item for item in recorder.resources if item.typ == "aws:rds/instance:Instance"]
    assert instance.inputs["password"] == "db-test"
    assert "manageMasterUserPassword" not in instance.inputs
    names = {
        item.inputs["metadata"]["name"] for item in recorder.resources if item.typ.endswith("/v1:Secret")
    }
    assert {"gateway-database", "gateway-team-keys"} <= names


def test_an_update_without_a_password_does_not_begin() -> None:
    facts = one(preview(build(environment("rds"))), "inferstack:index:InferenceEnvironment").inputs
    assert "gatewayDatabasePassword" in facts["missingSecrets"]


def test_in_the_cluster_it_makes_exactly_this(inside: Graph) -> None:
    assert kinds(inside, "database") == {
        "kubernetes:apps/v1:StatefulSet": 1,
        "kubernetes:core/v1:ConfigMap": 1,
        "kubernetes:core/v1:Secret": 1,
        "kubernetes:core/v1:Service": 1,
        "kubernetes:core/v1:ServiceAccount": 1,
        "kubernetes:networking.k8s.io/v1:NetworkPolicy": 1,
    }


def test_the_server_is_hardened_pinned_and_reached_by_the_gateway_alone(inside: Graph) -> None:
    body = manifest(inside, "StatefulSet", "gateway-database")["spec"]
    pod = body["template"]["spec"]
    assert "@sha256:" in pod["containers"][0]["image"]
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsUser"] == 999
    assert body["volumeClaimTemplates"][0]["spec"]["storageClassName"] == "gp3"
    policy = manifest(inside, "NetworkPolicy", "gateway-database")["spec"]
    assert policy["ingress"][0]["from"] == [
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "litellm"}}}
    ]
    assert "egress" not in policy  # none is allowed: an empty list would be stored as none anyway


def test_the_gateway_finds_it_and_may_connect(inside: Graph, rds: Graph) -> None:
    for graph, target in ((inside, "podSelector"), (rds, "ipBlock")):
        container = manifest(graph, "Deployment", "litellm")["spec"]["template"]["spec"]["containers"][0]
        names = {entry["name"] for entry in container["env"]}
        assert {"DATABASE_HOST", "DATABASE_USERNAME", "DATABASE_PASSWORD", "DATABASE_NAME"} <= names
        rules = manifest(graph, "NetworkPolicy", "litellm")["spec"]["egress"]
        (rule,) = [item for item in rules if item["ports"][0]["port"] == 5432]
        assert list(rule["to"][0]) == [target]


def test_teams_bring_budgets_limits_and_all_names_they_need(rds: Graph) -> None:
    job = next(item for item in rds.of_type("kubernetes:batch/v1:Job") if "teams" in item.name).inputs
    volume = job["spec"]["template"]["spec"]["volumes"][0]
    data = manifest(rds, "ConfigMap", volume["configMap"]["name"])["data"]
    assert json.loads(data["teams.json"]) == [
        {
            "name": "support",
            "models": ["chat", "chat-fallback-1"],
            "max_budget_usd": 500.0,
            "rpm": 600,
            "tpm": 200000,
        },
        {"name": "everyone", "models": ["chat", "chat-fallback-1", "embed"]},
    ]
    assert one(rds, "inferstack:index:Gateway").inputs["teams"] == ["support", "everyone"]


def test_the_job_runs_after_the_gateway(rds: Graph) -> None:
    job = next(item for item in rds.of_type("kubernetes:batch/v1:Job") if "teams" in item.name)
    proxy = next(
        item for item in rds.of_type("kubernetes:apps/v1:Deployment") if item.name == "prod-eu-gateway"
    )
    assert proxy.urn in job.dependencies


def test_without_a_database_there_is_none_of_it() -> None:
    graph = preview(build(builders.dev(gateway={"host": "a.example", "tls": "none", "waf": False})))
    assert not [item for item in graph if "database" in item.name or "teams" in item.name]


def test_pods_stay_in_service_and_migrate_in_peace(rds: Graph) -> None:
    """Their readiness must not hang on the database, and no probe may cut a migration off."""
    without = preview(build(builders.dev(gateway={"host": "a.example", "tls": "none", "waf": False})))
    check = "alb.ingress.kubernetes.io/healthcheck-path"
    seen = {}
    for name, graph in (("with", rds), ("without", without)):
        deployment = manifest(graph, "Deployment", "litellm")["spec"]
        container = deployment["template"]["spec"]["containers"][0]
        ready = container["readinessProbe"]["httpGet"]["path"]
        assert manifest(graph, "Ingress", "litellm")["metadata"]["annotations"][check] == ready
        start = container["startupProbe"]
        patience = start["periodSeconds"] * start["failureThreshold"]
        seen[name] = (ready, patience, deployment.get("progressDeadlineSeconds", 600) > patience)
    assert seen == {
        "with": ("/health/liveliness", 1380, True),
        "without": ("/health/readiness", 180, True),
    }


def test_a_changed_key_starts_a_job_of_its_own() -> None:
    """The key itself is in the Secret alone; the template, which no job may change, has a hash of all."""

    def annotations(key: str) -> Any:
        args = with_password(environment("in-cluster", production=False))
        assert args.settings is not None
        settings = replace(args.settings, team_keys={"support": key})
        graph = preview(build(replace(args, settings=settings)))
        (job,) = [item for item in graph.of_type("kubernetes:batch/v1:Job") if "teams" in item.name]
        assert key not in str(job.inputs)
        return json.loads(json.dumps(job.inputs, default=dict))["spec"]["template"]["metadata"]["annotations"]

    assert annotations("sk-one-0123456789") != annotations("sk-two-0123456789")
    assert annotations("sk-one-0123456789") == annotations("sk-one-0123456789")
