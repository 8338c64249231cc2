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
        """The model of this name, or the one whose listed checkpoint it is.

        A name that only looks like one (a fine-tune, someone's quantization) proves no licence: None.
        """
        try:
            return self.catalog.model(name)
        except InputError:
            wanted = name.strip().casefold()
            found = (
                model
                for model in self.catalog.models()
                if any(checkpoint.id.casefold() == wanted for checkpoint in model.checkpoints)
            )
            return next(found, None)

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
