"""Volumes that claims in the cluster ask for: claims, stateful sets, and chart values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from inferstack.cost.item import Item, Line, Pricing, missing
from inferstack.resources import Resource
from inferstack.view import View, known_texts, unknown_paths

QUANTITY: Final = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?")
GIB: Final = {
    None: Decimal(1) / 1024**3,
    "Ki": Decimal(1) / 1024**2,
    "Mi": Decimal(1) / 1024,
    "Gi": Decimal(1),
    "Ti": Decimal(1024),
    "k": Decimal(10**3) / 1024**3,
    "M": Decimal(10**6) / 1024**3,
    "G": Decimal(10**9) / 1024**3,
    "T": Decimal(10**12) / 1024**3,
}
"""GiB in one Kubernetes unit."""
SUFFIX: Final = re.compile(r"(\.volumeClaimTemplate)?\.spec\.resources\.requests\.storage$|\.size$")
PLACE: Final = re.compile(r"(?:resources\.requests\.storage|persistence\.size)$")

HOLDER: Final = re.compile(
    r"(?:^|\.)(?:values|spec|resources|requests|storage|storageSpec|persistence|size|volumeClaimTemplates?)"
    r"(?:\[\d+\])?$"
)
"""Where an unknown value may hide a claim."""


def quantity_gib(text: str) -> Decimal | None:
    """GiB of a Kubernetes quantity (``50Gi``); None when it is none."""
    match = QUANTITY.fullmatch(text.strip())
    return Decimal(match[1]) * GIB[match[2]] if match else None


def claims(view: View) -> Iterator[tuple[str, str]]:
    """Path and size of every claim in a resource."""
    return ((path, text) for path, text in known_texts(view.values) if PLACE.search(path))


def hidden(view: View) -> Iterator[str]:
    """Paths of unknown values that are, or may hold, the size of a claim."""
    return (path for path in unknown_paths(view.values) if HOLDER.search(path))


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    for path, text in claims(view):
        place = path.rpartition("values.")[2]
        name = SUFFIX.sub("", place)
        size = quantity_gib(text)
        if size is None:
            yield missing(f"Volume of {name}", f"{text!r} is not a size")
        else:
            yield pricing.service("ebs-gp3-gb-month", resource, size, label=f"Volume of {name}, gp3 {text}")
    for path in hidden(view):
        yield missing("Volume", f"{path} is known only after deployment")


def asks_for_storage(view: View, resource: Resource) -> bool:
    del resource
    # an empty class binds to a volume that is there already, and priced there
    if ("spec.storageClassName", "") in known_texts(view.values):
        return False
    return next(hidden(view), None) is not None or next(claims(view), None) is not None


ITEM = Item(
    id="persistent-volume",
    title="Persistent volume",
    service="EBS",
    types=(
        "kubernetes:core/v1:PersistentVolumeClaim",
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:helm.sh/v3:Release",
    ),
    lines=lines,
    applies=asks_for_storage,
)
