"""The catalog as rules see it: an unknown name is None, not an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inferstack.errors import InputError

if TYPE_CHECKING:
    from inferstack.catalog.load import Catalog
    from inferstack.catalog.types import EksVersion, Licence, Model, Region


@dataclass(frozen=True)
class CatalogKnowledge:
    catalog: Catalog

    def model(self, name: str) -> Model | None:
        """The model itself or the one it is a quantized or renamed copy of."""
        from inferstack.catalog.resolve import resolve_model  # noqa: PLC0415 - only when a model is judged

        try:
            return resolve_model(name).model
        except InputError:
            return None

    def licence(self, id: str) -> Licence | None:  # noqa: A002 - the catalog's own word
        try:
            return self.catalog.licence(id)
        except InputError:
            return None

    def region(self, id: str) -> Region | None:  # noqa: A002
        return next((region for region in self.catalog.regions() if region.id == id), None)

    def regions(self) -> tuple[Region, ...]:
        return self.catalog.regions()

    def eks_version(self, version: str) -> EksVersion | None:
        return next((known for known in self.catalog.eks_versions() if known.version == version), None)
