"""Pinned versions of add-ons, charts and images, read from ``data/pins.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from inferstack.errors import InputError, Problem
from inferstack.plain_yaml import read_yaml

DATA = Path(__file__).parent / "data"
DOCKER_HUB = "docker.io/"


@dataclass(frozen=True, kw_only=True)
class Image:
    """A container image by tag and, where known, digest; ``mirror`` is put before the name."""

    repository: str
    tag: str
    digest: str | None = None
    mirror: str | None = None

    @property
    def version(self) -> str:
        """The tag without its leading ``v``."""
        return self.tag.removeprefix("v")

    @property
    def reference(self) -> str:
        name = f"{self.mirror}/{self.repository}" if self.mirror else self.repository
        return f"{name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Helm chart of an HTTP repository or an OCI registry."""

    name: str
    repository: str
    version: str
    definitions_apart: bool = False
    """Its custom kinds come from a chart of their own, because Helm never updates those of a chart."""
    images: tuple[tuple[str, str], ...] = ()
    """Values that name images (``image.repository``), and their names in the mirror; empty without one."""

    @property
    def oci(self) -> bool:
        return self.repository.startswith("oci://")

    @property
    def reference(self) -> str:
        return f"{self.repository}/{self.name}" if self.oci else self.name


@dataclass(frozen=True)
class Pins:
    """All pins; ``mirror`` and ``digests`` come from the environment."""

    table: Mapping[str, Any]
    mirror: str | None = None
    digests: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()
    """What stands for a registry's host in the mirror; empty: the host itself."""

    def addon(self, kubernetes: str, name: str) -> str:
        """Version of an EKS add-on; InputError when the Kubernetes version has no pins."""
        return str(self._of_version("addons", kubernetes)[name])

    def autoscaler_image(self, kubernetes: str) -> str:
        return str(self._of_version("autoscalerImages", kubernetes))

    def _of_version(self, table: str, kubernetes: str) -> Any:
        versions = self.table[table]
        if kubernetes not in versions:
            raise InputError(
                Problem(
                    message="no add-on versions are pinned for this Kubernetes version",
                    path="cluster.version",
                    value=kubernetes,
                    accepted=", ".join(sorted(versions)),
                )
            )
        return versions[kubernetes]

    def chart(self, name: str) -> Chart:
        entry = self.table["charts"][name]
        return Chart(
            name=name,
            repository=entry["repository"],
            version=str(entry["version"]),
            definitions_apart=bool(entry.get("definitionsApart")),
            images=self._chart_images(name),
        )

    def _chart_images(self, name: str) -> tuple[tuple[str, str], ...]:
        """A mirror holds images under their publishers' names; ECR's cache knows only those made for it."""
        if self.mirror is None or self.prefixes:
            return ()
        named = load_chart_images().get(name, {})
        return tuple((path, f"{self.mirror}/{image}") for path, image in sorted(named.items()))

    def node_image(self, name: str) -> str:
        """Version of a node image, for what chooses images itself; EKS chooses those of managed groups."""
        return str(self.table["nodeImages"][name]["version"])

    def image(self, name: str) -> Image:
        entry = self.table["images"][name]
        digest = dict(self.digests).get(name, entry.get("digest"))
        repository, mirror = self._mirrored(entry["repository"])
        return Image(repository=repository, tag=str(entry["tag"]), digest=digest, mirror=mirror)

    def _mirrored(self, repository: str) -> tuple[str, str | None]:
        """A repository as the mirror names it; what the mirror cannot hold stays where it is."""
        if not self.prefixes:
            return repository, self.mirror
        host, _, path = repository.partition("/")
        prefix = dict(self.prefixes).get(host)
        return (f"{prefix}/{path}", self.mirror) if prefix else (repository, None)

    @property
    def repositories(self) -> tuple[str, ...]:
        """Of all images, as their publishers name them."""
        return tuple(entry["repository"] for _, entry in sorted(self.table["images"].items()))

    @property
    def tagged_images(self) -> Mapping[str, str]:
        """Images without a digest, as their publishers name them, by name."""
        return {
            name: f"{entry['repository']}:{entry['tag']}"
            for name, entry in sorted(self.table["images"].items())
            if self.image(name).digest is None
        }

    def images(self) -> tuple[Image, ...]:
        return tuple(self.image(name) for name in sorted(self.table["images"]))

    def without(self, *names: str) -> Pins:
        """The pins less images that nothing here runs: they need no mirror and no digest."""
        images = {name: entry for name, entry in self.table["images"].items() if name not in names}
        return replace(self, table={**self.table, "images": images})

    def configured(
        self, *, mirror: str | None, digests: Mapping[str, str], prefixes: Mapping[str, str] | None = None
    ) -> Pins:
        """The pins of an environment; InputError for digests of images that do not exist here."""
        known = sorted(self.table["images"])
        problems = [
            Problem(
                message="no such image", path=f"inferstack:imageDigests.{name}", accepted=", ".join(known)
            )
            for name in sorted(digests)
            if name not in known
        ]
        if problems:
            raise InputError(*problems)
        stands_for = tuple(sorted((prefixes or {}).items()))
        return replace(self, mirror=mirror, digests=tuple(sorted(digests.items())), prefixes=stands_for)


@cache
def load_chart_images() -> Mapping[str, Mapping[str, str]]:
    """By chart: path in its values, image."""
    document = read_yaml(DATA / "chart_images.yaml")
    return {name: images for name, images in document.items() if isinstance(images, dict)}


@cache
def load_pins() -> Pins:
    return Pins(read_yaml(DATA / "pins.yaml"))
