"""The Kubernetes objects of a graph as YAML files, to read, to lint and to compare.

One file an object, named so that a folder listing is the order in which `kubectl apply -f` takes them.
Values known only after deployment and secrets are replaced by words that say so; the files are for review,
`pulumi up` does not read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from inferstack.engine import wire
from inferstack.engine.graph import Graph
from inferstack.plain_yaml import DUMPER
from inferstack.resources import Resource

UNKNOWN_TEXT: Final = "<known after deployment>"
HELM_RELEASE: Final = "kubernetes:helm.sh/v3:Release"
_HEAD: Final = ("apiVersion", "kind", "metadata", "type", "spec", "data")

_ORDER: Final[Mapping[str, int]] = {
    kind: rank
    for rank, kinds in {
        0: ("CustomResourceDefinition",),
        10: ("Namespace", "PriorityClass", "RuntimeClass", "StorageClass"),
        20: ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
        30: ("ResourceQuota", "LimitRange", "NetworkPolicy", "Secret", "ConfigMap"),
        40: ("PersistentVolume", "PersistentVolumeClaim", "Service"),
        50: ("DaemonSet", "Deployment", "StatefulSet", "Pod", "Job", "CronJob"),
        60: ("PodDisruptionBudget", "HorizontalPodAutoscaler", "Ingress", "IngressClass"),
    }.items()
    for kind in kinds
}
"""What others stand on comes first (as Helm installs); kinds that are not here come last, at 70."""
_LAST: Final = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One file: its name and its text."""

    file: str
    text: str


def manifests(graph: Graph) -> tuple[Manifest, ...]:
    """All objects in apply order, then the Helm releases."""
    objects = [resource for resource in graph if _is_object(resource)]
    releases = [resource for resource in graph if resource.type == HELM_RELEASE]
    files = _named(objects)
    found = [Manifest(file=name, text=_object_text(resource)) for name, resource in files]
    if releases:
        found.append(Manifest(file="90-helm-releases.yaml", text=_releases_text(releases)))
    return tuple(sorted(found, key=lambda manifest: manifest.file))


def _is_object(resource: Resource) -> bool:
    return resource.custom and resource.type.startswith("kubernetes:") and "kind" in resource.inputs


def _named(objects: Iterable[Resource]) -> list[tuple[str, Resource]]:
    """File names; objects whose names collide are told apart by their place among their like."""
    taken: dict[str, int] = {}
    found = []
    for resource in sorted(objects, key=lambda one: one.urn):
        stem = _stem(resource)
        taken[stem] = taken.get(stem, 0) + 1
        suffix = f"-{taken[stem]}" if taken[stem] > 1 else ""
        found.append((f"{stem}{suffix}.yaml", resource))
    return found


def _stem(resource: Resource) -> str:
    kind = str(resource.inputs["kind"])
    metadata = resource.inputs.get("metadata")
    fields = metadata if isinstance(metadata, Mapping) else {}
    name, namespace = (fields.get(key) for key in ("name", "namespace"))
    words = (
        kind,
        namespace if isinstance(namespace, str) else "",
        name if isinstance(name, str) else resource.name,
    )
    parts = [re.sub(r"[^a-z0-9.]+", "-", word.lower()).strip("-") for word in words if word]
    return f"{_ORDER.get(kind, _LAST):02d}-{'-'.join(parts)}"


def _object_text(resource: Resource) -> str:
    return _dump(_in_reading_order(_shown(_without_secrets(resource))))


def _without_secrets(resource: Resource) -> Mapping[str, object]:
    """A Secret's values are secret even where the program did not say so."""
    inputs = dict(resource.inputs)
    if inputs.get("kind") == "Secret" and inputs.get("apiVersion") == "v1":
        for key in ("data", "stringData"):
            values = inputs.get(key)
            if isinstance(values, Mapping):
                inputs[key] = dict.fromkeys(values, wire.MASK)
    return inputs


def _shown(value: object) -> Any:
    return wire.mapped(value, unknown=lambda: UNKNOWN_TEXT, secret=lambda _: wire.MASK)


def _in_reading_order(found: Mapping[str, Any]) -> dict[str, Any]:
    head = {key: found[key] for key in _HEAD if key in found}
    return head | {key: found[key] for key in sorted(found) if key not in head}


def _releases_text(releases: Iterable[Resource]) -> str:
    """Releases as a list; what a chart renders to is decided by Helm at deployment."""
    note = (
        "# Helm releases in apply order. The charts themselves are not rendered here:\n"
        "# what they create is decided by the chart at the version below, with these values.\n"
    )
    return note + "".join(_dump(_release(release), start=True) for release in releases)


def _release(resource: Resource) -> dict[str, Any]:
    shown = _shown(resource.inputs)
    options = shown.get("repositoryOpts")
    found = {
        "release": shown.get("name", resource.name),
        "namespace": shown.get("namespace"),
        "chart": shown.get("chart"),
        "version": shown.get("version"),
        "repository": options.get("repo") if isinstance(options, Mapping) else None,
        "values": shown.get("values", {}),
    }
    return {key: value for key, value in found.items() if value is not None}


def _dump(document: Mapping[str, Any], *, start: bool = False) -> str:
    return yaml.dump(
        dict(document),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=120,
        default_flow_style=False,
        explicit_start=start,
    )


class _Dumper(DUMPER):
    """Block scalars for text of several lines; no anchors, so that each file reads alone."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
