"""Teams of the environment, brought to the gateway by a job: budgets, limits, models, keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components import gateway_names, kube, naming
from components.pod_security import hardened_container, hardened_pod
from inferstack.render import render_text

if TYPE_CHECKING:
    from components.pins import Image

SCRIPT: Final = "apply_teams.py"
UID: Final = 65534
DEADLINE_S: Final = 900
LABELS: Final = {kube.LABEL_APP: gateway_names.TEAMS_APP}
FOLDER: Final = "/etc/teams"
KEYS_ANNOTATION: Final = "inferstack.dev/keys"


@dataclass(frozen=True, kw_only=True)
class Team:
    """A declared team; ``models`` are all names it needs, those that step in among them."""

    name: str
    models: tuple[str, ...]
    max_budget_usd: Decimal | None
    rpm: int | None
    tpm: int | None

    def document(self) -> dict[str, Any]:
        budget = float(self.max_budget_usd) if self.max_budget_usd is not None else None
        values = {"max_budget_usd": budget, "rpm": self.rpm, "tpm": self.tpm}
        return {
            "name": self.name,
            "models": list(self.models),
            **{key: value for key, value in values.items() if value is not None},
        }


@dataclass(frozen=True, kw_only=True)
class TeamsSpec:
    teams: tuple[Team, ...]
    image: Image
    keys: pulumi.Input[Mapping[str, str]] | None = None
    """Secret; a job of its own begins when one changes."""

    @property
    def files(self) -> dict[str, str]:
        teams = [team.document() for team in self.teams]
        return {SCRIPT: render_text(f"gateway/{SCRIPT}", {}), "teams.json": json.dumps(teams, indent=1)}

    @property
    def name(self) -> str:
        """Changes with the content: a job cannot be changed, only replaced."""
        text = json.dumps([self.files, self.image.reference])
        return f"{gateway_names.TEAMS_APP}-{naming.content_hash(text)}"


def keys_hash(keys: pulumi.Input[Mapping[str, str]]) -> pulumi.Output[str]:
    """Of all keys together: short, so that it tells nothing about one."""
    return pulumi.Output.from_input(keys).apply(
        lambda found: naming.content_hash(json.dumps(dict(found), sort_keys=True))
    )


def variable(team: str) -> str:
    """The environment variable with a team's key."""
    return "TEAM_KEY_" + team.upper().replace("-", "_")


def documents(spec: TeamsSpec) -> Sequence[kube.Document]:
    """What the job needs; the job itself comes after them and after the gateway."""
    return (
        kube.manifest("v1", "ServiceAccount", _metadata(), automountServiceAccountToken=False),
        kube.manifest("v1", "ConfigMap", _metadata(spec.name), immutable=True, data=spec.files),
        network_policy(),
    )


def secret(keys: pulumi.Input[Mapping[str, str]]) -> dict[str, Any]:
    """One variable a team."""
    values = pulumi.Output.from_input(keys).apply(
        lambda found: {variable(team): key for team, key in sorted(found.items())}
    )
    return kube.manifest(
        "v1", "Secret", _metadata(gateway_names.TEAM_SECRET), type="Opaque", stringData=values
    )


def network_policy() -> dict[str, Any]:
    """Out: names, and the gateway."""
    gateway = {"podSelector": {"matchLabels": gateway_names.LABELS}}
    body = {
        "podSelector": {"matchLabels": LABELS},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [
            {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
            {"to": [gateway], "ports": [{"protocol": "TCP", "port": gateway_names.PORT}]},
        ],
    }
    return kube.manifest("networking.k8s.io/v1", "NetworkPolicy", _metadata(), spec=body)


def job(spec: TeamsSpec) -> dict[str, Any]:
    pod = {
        **hardened_pod(gateway_names.TEAMS_APP, uid=UID, gid=UID),
        "restartPolicy": "OnFailure",
        "nodeSelector": {"inferstack.dev/pool": "system"},
        "containers": [_container(spec)],
        "volumes": [{"name": "teams", "configMap": {"name": spec.name}}],
    }
    metadata: dict[str, Any] = {"labels": LABELS}
    if spec.keys is not None:
        # a template cannot be changed: the provider replaces the job, which then runs
        metadata["annotations"] = {KEYS_ANNOTATION: keys_hash(spec.keys)}
    body = {
        "backoffLimit": 4,
        "activeDeadlineSeconds": DEADLINE_S,
        "template": {"metadata": metadata, "spec": pod},
    }
    return kube.manifest("batch/v1", "Job", _metadata(spec.name), spec=body)


def _container(spec: TeamsSpec) -> dict[str, Any]:
    master = {"name": gateway_names.MASTER_SECRET, "key": "LITELLM_MASTER_KEY"}
    return {
        "name": "apply",
        "image": spec.image.reference,
        "command": ["python3", f"{FOLDER}/{SCRIPT}"],
        "env": [
            {"name": "GATEWAY_URL", "value": gateway_names.URL},
            {"name": "LITELLM_MASTER_KEY", "valueFrom": {"secretKeyRef": master}},
        ],
        "envFrom": [{"secretRef": {"name": gateway_names.TEAM_SECRET, "optional": True}}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": hardened_container(),
        "volumeMounts": [{"name": "teams", "mountPath": FOLDER, "readOnly": True}],
    }


def _metadata(name: str = gateway_names.TEAMS_APP) -> kube.Metadata:
    return kube.Metadata(name=name, namespace=gateway_names.NAMESPACE, labels=LABELS)
