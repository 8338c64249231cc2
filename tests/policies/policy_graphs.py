"""An environment that every rule passes, from which tests break one thing at a time."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from inferstack.catalog.load import load_catalog
from inferstack.policy.knowledge import CatalogKnowledge
from inferstack.policy.run import evaluate
from inferstack.policy.types import Finding, Outcome, PolicyReport, RuleResult
from inferstack.resources import UNKNOWN, Resource
from policies.rules import RULES

TODAY = dt.date(2026, 11, 20)
STACK = "urn:pulumi:prod::inferstack::"
KNOWLEDGE = CatalogKnowledge(load_catalog())
COMMIT = "6f6073b423013f6a7d4d9f39144961bfbfbc386b"
MAU_LICENCE_MODEL = "meta-llama/Llama-3.1-8B-Instruct"


def resource(
    kind: str,
    name: str,
    inputs: Mapping[str, Any],
    *,
    parent: str | None = None,
    provider: str | None = None,
    depends: Mapping[str, tuple[str, ...]] | None = None,
) -> Resource:
    links = dict(depends or {})
    return Resource(
        urn=f"{STACK}{kind}::{name}",
        type=kind,
        name=name,
        parent=parent,
        custom=not kind.startswith(("inferstack:", "pulumi:pulumi")),
        inputs=copy.deepcopy(dict(inputs)),
        provider=provider,
        dependencies=tuple(sorted({urn for urns in links.values() for urn in urns})),
        property_dependencies=links,
    )


def environment_inputs() -> dict[str, Any]:
    return {
        "environment": "prod-eu",
        "account": "123456789012",
        "region": "eu-central-1",
        "zones": ["euc1-az1", "euc1-az2", "euc1-az3"],
        "residency": ["EU"],
        "production": True,
        "policy": {
            "strict": True,
            "level": "mandatory",
            "denyDeveloperCountries": ["KP"],
            "denyModels": ["Example/*"],
            "denyLicences": ["example-*"],
            "waivers": [],
        },
        "tags": {"environment": "prod"},
        "workloads": ["chat"],
    }


def workload_inputs() -> dict[str, Any]:
    return {
        "environment": "prod-eu",
        "workload": "chat",
        "region": "eu-central-1",
        "owner": "team-support",
        "costCentre": "cc-1",
        "model": MAU_LICENCE_MODEL,
        "checkpoint": MAU_LICENCE_MODEL,
        "revision": COMMIT,
        "licence": "llama3.1",
        "developerCountry": "US",
        "gated": True,
        "paramsB": "8.03",
        "quantization": "bf16",
        "adapters": [],
        "usage": {
            "commercial": True,
            "monthlyActiveUsers": 250000,
            "trainsOtherModels": False,
            "redistributes": False,
            "euUsers": True,
        },
        "data": {"classification": "confidential", "residency": ["EU"], "regulations": ["GDPR"]},
        "fallback": [],
        "slo": {"availability": "0.999", "ttftP95Ms": "1000"},
        "purchase": "on-demand",
        "minReplicas": 2,
        "replicas": 3,
        "replicasServing": 2,
        "surgeReplicas": 0,
        "nodesPerReplica": 1,
        "coldStartS": 240,
        "requestsPerDay": "100000",
        "inputTokens": "1000",
        "outputTokens": "200",
    }


def deployment_inputs() -> dict[str, Any]:
    container = {
        "name": "vllm",
        "image": "vllm/vllm-openai:v0.33.0",
        "args": [
            "s3://inferstack-prod-eu-weights/models/x",
            *("--max-model-len", "8192"),
            *("--tensor-parallel-size", "2"),
            *("--shutdown-timeout", "60"),
        ],
        "env": [{"name": "HF_HUB_OFFLINE", "value": "1"}],
        "ports": [{"name": "http", "containerPort": 8000}],
        "resources": {
            "requests": {"cpu": "6", "memory": "60Gi", "nvidia.com/gpu": "2"},
            "limits": {"memory": "60Gi", "nvidia.com/gpu": "2"},
        },
        "startupProbe": {"httpGet": {"path": "/health"}, "periodSeconds": 10, "failureThreshold": 60},
        "livenessProbe": {"httpGet": {"path": "/health"}},
        "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 2000},
        "terminationGracePeriodSeconds": 85,
        "nodeSelector": {"inferstack.dev/workload": "chat"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "containers": [container],
        "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}}],
    }
    rolling = {"maxSurge": 0, "maxUnavailable": 1}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "model-chat", "namespace": "llm-serving"},
        "spec": {
            "replicas": 3,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            "template": {"spec": pod},
        },
    }


ENVIRONMENT = f"{STACK}inferstack:index:InferenceEnvironment::prod-eu"
PROVIDER = f"{STACK}pulumi:providers:aws::aws"
SERVICE = f"{STACK}inferstack:index:VllmService::chat"
BUCKET = f"{STACK}aws:s3/bucket:Bucket::weights"
CLUSTER = f"{STACK}aws:eks/cluster:Cluster::cluster"
TEMPLATE = f"{STACK}aws:ec2/launchTemplate:LaunchTemplate::nodes"
DEPLOYMENT = f"{STACK}kubernetes:apps/v1:Deployment::model-chat"
SUBNET = f"{STACK}aws:ec2/subnet:Subnet::private"
ROLE_POLICY = f"{STACK}aws:iam/rolePolicy:RolePolicy::read"
BLOCK = f"{STACK}aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock::weights"
BUCKET_POLICY = f"{STACK}aws:s3/bucketPolicy:BucketPolicy::weights"
NETWORK_POLICY = f"{STACK}kubernetes:networking.k8s.io/v1:NetworkPolicy::chat"
CHART = f"{STACK}kubernetes:helm.sh/v3:Release::prometheus"
BUDGET = f"{STACK}kubernetes:policy/v1:PodDisruptionBudget::chat"
JOB = f"{STACK}kubernetes:batch/v1:Job::load"
TOKEN = f"{STACK}kubernetes:core/v1:Secret::token"


def tls_policy(bucket: str = "inferstack-prod-eu-weights") -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(actions: list[str], resources: list[str]) -> str:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def job_inputs() -> dict[str, Any]:
    token = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hugging-face", "key": "token"}}}
    container = {
        "name": "load",
        "image": "vllm/vllm-openai:v0.33.0",
        "env": [token],
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    pod = {"securityContext": {"runAsNonRoot": True, "runAsUser": 2000}, "containers": [container]}
    return {"metadata": {"name": "load"}, "spec": {"template": {"spec": pod}}}


def compliant() -> dict[str, Resource]:
    """By URN: all of one environment, with everything that rules look for in order."""
    shared = {"parent": ENVIRONMENT, "provider": PROVIDER}
    by_reference = {"depends": {"bucket": (BUCKET,)}}
    made = (
        resource("inferstack:index:InferenceEnvironment", "prod-eu", environment_inputs()),
        resource("pulumi:providers:aws", "aws", {"region": "eu-central-1"}, parent=ENVIRONMENT),
        resource("inferstack:index:VllmService", "chat", workload_inputs(), parent=ENVIRONMENT),
        resource(
            "aws:eks/cluster:Cluster",
            "cluster",
            {"version": "1.35", "vpcConfig": {"endpointPublicAccess": False, "subnetIds": [UNKNOWN]}},
            **shared,
        ),
        resource(
            "aws:ec2/launchTemplate:LaunchTemplate",
            "nodes",
            {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1}},
            **shared,
        ),
        resource("aws:ec2/subnet:Subnet", "private", {"availabilityZoneId": "euc1-az1"}, **shared),
        resource("aws:s3/bucket:Bucket", "weights", {"bucket": "inferstack-prod-eu-weights"}, **shared),
        resource(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            "weights",
            {
                "bucket": UNKNOWN,
                "blockPublicAcls": True,
                "blockPublicPolicy": True,
                "ignorePublicAcls": True,
                "restrictPublicBuckets": True,
            },
            **shared,
            **by_reference,
        ),
        resource(
            "aws:s3/bucketPolicy:BucketPolicy",
            "weights",
            {"bucket": UNKNOWN, "policy": tls_policy()},
            **shared,
            **by_reference,
        ),
        resource(
            "aws:iam/rolePolicy:RolePolicy",
            "read",
            {
                "role": UNKNOWN,
                "policy": allow(["s3:GetObject"], ["arn:aws:s3:::inferstack-prod-eu-weights/*"]),
            },
            **shared,
        ),
        resource("kubernetes:apps/v1:Deployment", "model-chat", deployment_inputs(), parent=SERVICE),
        resource("kubernetes:batch/v1:Job", "load", job_inputs(), parent=ENVIRONMENT),
        resource(
            "kubernetes:core/v1:Secret",
            "token",
            {"metadata": {"name": "hugging-face"}, "stringData": {"token": UNKNOWN}},
            parent=ENVIRONMENT,
        ),
        resource(
            "kubernetes:networking.k8s.io/v1:NetworkPolicy",
            "chat",
            {"spec": {"policyTypes": ["Ingress"], "ingress": [{"from": [{"namespaceSelector": {}}]}]}},
            parent=SERVICE,
        ),
        resource(
            "kubernetes:policy/v1:PodDisruptionBudget",
            "chat",
            {"spec": {"maxUnavailable": 1}},
            parent=SERVICE,
        ),
        resource(
            "kubernetes:helm.sh/v3:Release",
            "prometheus",
            {"chart": "kube-prometheus-stack", "version": "80.0.0", "values": {"a": "b"}},
            parent=ENVIRONMENT,
        ),
    )
    return {found.urn: found for found in made}


def put(inputs: Any, path: str, value: Any) -> None:
    """Set a dotted path (numbers index lists); a missing mapping on the way is made."""
    *steps, last = path.split(".")
    for taken, step in enumerate(steps):
        rest = ".".join((*steps[taken:], last))
        if isinstance(inputs, Mapping) and rest in inputs:  # a key with dots: a file's name
            steps, last = [], rest
            break
        inputs = inputs[int(step)] if step.isdigit() else inputs.setdefault(step, {})
    if last.isdigit():
        inputs[int(last)] = value
    else:
        inputs[last] = value


def drop(inputs: Any, path: str) -> None:
    *steps, last = path.split(".")
    for step in steps:
        inputs = inputs[int(step)] if step.isdigit() else inputs[step]
    del inputs[last]


def changed(urn: str, changes: Mapping[str, Any], without: tuple[str, ...] = ()) -> dict[str, Resource]:
    """The compliant environment with some inputs of one resource set, others removed."""
    resources = compliant()
    inputs = copy.deepcopy(dict(resources[urn].inputs))
    for path, value in changes.items():
        put(inputs, path, value)
    for path in without:
        drop(inputs, path)
    resources[urn] = replace(resources[urn], inputs=inputs)
    return resources


def judge(
    resources: Mapping[str, Resource], rule: str, today: dt.date = TODAY, **settings: Any
) -> PolicyReport:
    return evaluate(
        tuple(resources.values()), RULES, knowledge=KNOWLEDGE, today=today, only=(rule,), **settings
    )


def result(resources: Mapping[str, Resource], rule: str, today: dt.date = TODAY) -> RuleResult:
    return judge(resources, rule, today).rules[0]


def outcome(resources: Mapping[str, Resource], rule: str, today: dt.date = TODAY) -> Outcome:
    return result(resources, rule, today).outcome


def findings(resources: Mapping[str, Resource], rule: str, today: dt.date = TODAY) -> tuple[Finding, ...]:
    return judge(resources, rule, today).findings


def messages(resources: Mapping[str, Resource], rule: str, today: dt.date = TODAY) -> str:
    return " | ".join(finding.message for finding in findings(resources, rule, today))
