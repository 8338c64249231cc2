"""INF-SEC-006: no secret stands as plain text in pods, config maps, chart values or user data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from inferstack.policy.pods import POD_TYPES, all_containers
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource, Secret
from inferstack.view import View, known_texts

NAME: Final = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)$", re.I
)
"""Environment variables whose value is a secret, not a name or path of one."""
SHAPE: Final = re.compile(
    r"\bhf_[A-Za-z0-9]{30,}|\bsk-(?:[a-z]+-)?[A-Za-z0-9_-]{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,}"
    r"|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"
)
"""Tokens that give themselves away: Hugging Face, OpenAI-style, AWS, GitHub, PEM keys."""
REFERENCE: Final = re.compile(r"\$\([A-Z_]+\)|\$\{[A-Za-z_]+\}|os\.environ/\w+")
KEEPERS: Final = (
    "kubernetes:core/v1:Secret",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "aws:ssm/parameter:Parameter",
)
"""Resources whose job is to hold secrets."""


def plain_env(view: View, resource: Resource) -> Iterator[Verdict]:
    """Variables with a secret's name and a literal value. The value never gets into a message."""
    for container in all_containers(resource.type, view):
        for variable in container.views("env"):
            name = variable.required_text("name")
            if not NAME.search(name) or not variable.has("value"):
                continue
            value = variable.text("value") or ""
            if value and not REFERENCE.fullmatch(value):
                yield fail(f"container {container.text('name')} has {name} as a plain value")


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    if resource.type in KEEPERS:
        return
    if resource.type in POD_TYPES:
        yield from plain_env(view, resource)
    for path, text in known_texts(without_secrets(view.values)):
        if SHAPE.search(text):
            yield fail(f"{path} holds what looks like a token or private key")


def without_secrets(value: object) -> object:
    """The value without what is already marked as a secret at the top of each input."""
    if isinstance(value, dict):
        return {key: without_secrets(inner) for key, inner in value.items() if not isinstance(inner, Secret)}
    return value


RULE = ResourceRule(
    id="INF-SEC-006",
    title="Secrets are not plain text",
    severity=Severity.CRITICAL,
    rationale=(
        "Plain values are readable in the cluster, in the state file, in previews and in every pull request."
    ),
    remediation="Put the value into a Secret (secretKeyRef) or Secrets Manager and refer to it.",
    url="https://kubernetes.io/docs/concepts/configuration/secret/",
    tags=("secrets",),
    frameworks=("CIS Kubernetes 5.4.1", "SOC2 CC6.1"),
    types=(
        "kubernetes:*",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "inferstack:*",
    ),
    check=check,
)
