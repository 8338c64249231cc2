"""The AWS half of an environment as Terraform JSON: what the program registers, with references between resources.

The program runs with mocks whose outputs are marks; marks become ``${aws_vpc.name.id}``. Nothing is decided
here: names are translated, values stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pulumi
import yaml

from tests.aws.shapes import plain
from tests.components.running import FAKE_OUTPUTS, run_with

TABLE: Final = yaml.safe_load((Path(__file__).parent / "terraform.yaml").read_text(encoding="utf-8"))
TYPES: Final[Mapping[str, str]] = TABLE["types"]
MARK: Final = re.compile(r"@@([a-z0-9_]+\.[A-Za-z0-9_-]+\.[a-z0-9_.\[\]]+)@@")
REFERENCE: Final = re.compile(r"\$\{([a-z0-9_]+\.[A-Za-z0-9_-]+)\.")
RULE_FIELDS: Final = {
    "description": "",
    "cidr_blocks": [],
    "ipv6_cidr_blocks": [],
    "prefix_list_ids": [],
    "security_groups": [],
    "self": False,
}
"""Rules of a security group are attributes: Terraform's JSON wants each of their fields."""

Document = dict[str, Any]


def address(kind: str, name: str) -> str:
    assert kind in TYPES, f"{kind} needs its Terraform name in tests/aws/terraform.yaml"
    return f"{TYPES[kind]}.{label(name)}"


def label(name: str) -> str:
    """A Terraform name: no leading digit, no dots."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


class Marker(pulumi.runtime.Mocks):
    """Registers everything; every output that the program may read is a mark."""

    def __init__(self) -> None:
        self.registered: list[pulumi.runtime.MockResourceArgs] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.registered.append(args)
        if not args.typ.startswith("aws:"):
            return f"{args.name}-id", {**args.inputs, **FAKE_OUTPUTS.get(args.typ, {})}
        here = address(args.typ, args.name)

        def mark(path: str) -> str:
            return f"@@{here}.{path}@@"

        return mark("id"), {**args.inputs, **_outputs(args.typ, mark)}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"components look nothing up, and this asks for {args.token}")


def _outputs(kind: str, mark: Callable[[str], str]) -> Document:
    """Beside ``arn`` and ``name``, what the program reads of a type."""
    own: Document = {"arn": mark("arn")}
    short = kind.rpartition(":")[2]
    if short == "Cluster":
        own |= {
            "name": mark("name"),
            "endpoint": mark("endpoint"),
            "certificateAuthority": {"data": mark("certificate_authority[0].data")},
            "vpcConfig": {"clusterSecurityGroupId": mark("vpc_config[0].cluster_security_group_id")},
        }
    elif short == "NodeGroup":
        group = mark("resources[0].autoscaling_groups[0].name")
        own |= {
            "nodeGroupName": mark("node_group_name"),
            "resources": [{"autoscalingGroups": [{"name": group}]}],
        }
    elif short in ("Role", "InstanceProfile", "EventRule", "SubnetGroup", "ParameterGroup"):
        own |= {"name": mark("name")}
    elif short == "Instance":
        own |= {"address": mark("address")}
    elif short == "Key":
        own |= {"keyId": mark("key_id")}
    elif short == "LaunchTemplate":
        own |= {"latestVersion": 1}
    elif short == "CertificateValidation":
        own |= {"certificateArn": mark("certificate_arn")}
    elif short == "Certificate":
        own |= FAKE_OUTPUTS[kind]
    elif short == "Workspace":
        own |= {"prometheusEndpoint": mark("prometheus_endpoint")}
    return own


def render(program: Callable[[], object], *, region: str, default_tags: Mapping[str, str]) -> Document:
    """One Terraform configuration; ``provider`` settings for a test are added by whoever runs it."""
    marker = Marker()
    run_with(program, marker)
    resources: dict[str, dict[str, Document]] = {}
    regions = {region}
    for item in marker.registered:
        if item.typ.startswith("aws:"):
            body = _body(item)
            if elsewhere := body.pop("region", None):
                regions.add(elsewhere)
                body["provider"] = f"aws.{elsewhere}"
            resources.setdefault(TYPES[item.typ], {})[label(item.name)] = body
    _name_clusters(resources)
    providers = [{"region": region, "default_tags": {"tags": dict(default_tags)}}]
    providers += [
        {"region": one, "alias": one, "default_tags": {"tags": dict(default_tags)}}
        for one in sorted(regions - {region})
    ]
    return {"provider": {"aws": providers}, "resource": resources}


def _name_clusters(resources: dict[str, dict[str, Document]]) -> None:
    """Pulumi orders by depends_on what names its cluster in plain text; Terraform orders by references."""
    clusters = {
        body["name"]: f"${{aws_eks_cluster.{name}.name}}"
        for name, body in resources.get("aws_eks_cluster", {}).items()
    }
    for found in resources.values():
        for body in found.values():
            if "cluster_name" in body:
                body["cluster_name"] = clusters.get(body["cluster_name"], body["cluster_name"])


def _body(item: pulumi.runtime.MockResourceArgs) -> Document:
    other = TABLE["renamed"].get(TYPES[item.typ], {})
    body: Document = {other.get(key, key): value for key, value in _translate(plain(item.inputs)).items()}
    for direction in ("ingress", "egress"):
        if TYPES[item.typ] == "aws_security_group" and direction in body:
            body[direction] = [{**RULE_FIELDS, **rule} for rule in body[direction]]
    if alone := TABLE["listed"].get(TYPES[item.typ]):
        body[alone] = [body[alone]]
    if field := TABLE["named_by_pulumi"].get(TYPES[item.typ]):
        body[field] = f"{item.name}-a1b2c3d"
    template = body.get("launch_template")
    if template:
        template["version"] = template["id"].replace(".id}", ".latest_version}")
    return body


def _translate(value: Any, *, free: bool = False) -> Any:
    if isinstance(value, Mapping):
        return {
            (key if free else snake(key)): _translate(item, free=free or snake(key) in TABLE["free_form"])
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_translate(item, free=free) for item in value]
    if isinstance(value, str):
        escaped = value.replace("${", "$${").replace("%{", "%%{")
        return MARK.sub(r"${\1}", escaped)
    return value


def snake(name: str) -> str:
    found = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    return str(TABLE["singular"].get(found, found))


def without_newer(document: Document) -> tuple[Document, set[tuple[str, str]]]:
    """The configuration for provider 5, and which inputs were left out for it."""
    copy: Document = json.loads(json.dumps(document))
    left_out: set[tuple[str, str]] = set()
    for kind, paths in TABLE["missing_in_provider_5"].items():
        for body in copy["resource"].get(kind, {}).values():
            left_out |= {(kind, path) for path in paths if _drop(body, path.split("."))}
    return copy, left_out


def _drop(body: Any, path: list[str]) -> bool:
    head, *rest = path
    if isinstance(body, list):
        return sum(_drop(item, path) for item in body) > 0
    if not isinstance(body, dict) or head not in body:
        return False
    if rest:
        return _drop(body[head], rest)
    del body[head]
    return True


def references(document: Document) -> set[str]:
    """Addresses that some resource refers to."""
    return set(REFERENCE.findall(json.dumps(document["resource"])))
