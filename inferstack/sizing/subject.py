"""The model being planned, resolved: architecture, catalog entry, the weights that may be served."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inferstack.catalog.load import Catalog
from inferstack.catalog.types import Architecture, Checkpoint, Model
from inferstack.errors import InputError, Problem
from inferstack.sizing.checkpoints import Weights, published_weights, wanted_weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """What is served; compared by identity. ``model`` is None outside the catalog (``hfConfig``)."""

    id: str
    architecture: Architecture
    family: str
    weights: tuple[Weights, ...]
    """Forms the spec allows, best quality first."""
    asked_for: str
    """``model.quantization`` of the spec."""
    model: Model | None
    note: str | None = None
    """How the name was resolved, when it is not the catalog's own."""

    @property
    def max_context(self) -> int | None:
        """The longest context the model can be served with; None: not known."""
        if self.model is None:
            return self.architecture.max_position
        return self.model.max_context_extended or self.model.max_context

    @property
    def first_tier(self) -> int:
        """The quality tier that a plan may use without looking for anything better."""
        if self.asked_for == "auto":
            return 1
        return 1 if self.asked_for == "bf16" else max(weights.tier for weights in self.weights)


@functools.lru_cache(maxsize=1024)
def subject(catalog: Catalog, name: str | None, hf_config: str | None, quantization: str) -> Subject:
    """The model ``name`` (and, when given, the shape in the file ``hf_config``) with the allowed weights.

    InputError for a name nobody knows, a model without public weights, or weights that do not exist.
    """
    if hf_config is not None:
        return _from_config(name, hf_config, quantization)
    assert name is not None
    try:
        model = catalog.model(name)
    except InputError:
        return _derived(catalog, name, quantization)
    if model.architecture is None:
        message = f"{model.id} has no public weights" + (f": {model.status}" if model.status else "")
        raise InputError(Problem(path="model.id", message=message))
    return _build(model.id, model.architecture, model, quantization)


def _build(
    name: str, architecture: Architecture, model: Model | None, quantization: str, note: str | None = None
) -> Subject:
    checkpoints: tuple[Checkpoint, ...] = ()
    if model is not None and model.id == name:
        checkpoints = model.checkpoints
    weights = wanted_weights(name, architecture.native_dtype, checkpoints, quantization)
    if architecture.kind == "encoder" and quantization == "auto":
        weights = weights[:1]  # half a gigabyte: nothing to gain from quantizing on load
    return Subject(
        id=name,
        architecture=architecture,
        family=model.family if model is not None else (architecture.model_type or "unknown"),
        weights=weights,
        asked_for=quantization,
        model=model,
        note=note,
    )


def _derived(catalog: Catalog, name: str, quantization: str) -> Subject:
    """A fine-tune, a rename or a quantized copy of a known model: its shape, under the name asked for."""
    from inferstack.catalog.resolve import resolve_model  # noqa: PLC0415 - parses every model file

    resolved = resolve_model(name, catalog)
    if resolved.quantization is None:
        return _build(name, resolved.architecture, resolved.model, quantization, resolved.note)
    form = published_weights(_checkpoint(resolved.model, name, resolved.quantization))
    if quantization not in {"auto", form.quantization}:
        raise InputError(
            Problem(
                path="model.quantization",
                message=f"{name} is already quantized",
                value=quantization,
                accepted=f"auto, {form.quantization}",
            )
        )
    return Subject(
        id=name,
        architecture=resolved.architecture,
        family=resolved.model.family if resolved.model is not None else "unknown",
        weights=(form,),
        asked_for=form.quantization,
        model=resolved.model,
        note=resolved.note,
    )


def _checkpoint(model: Model | None, name: str, quantization: str) -> Checkpoint:
    """The catalog's entry of a quantized copy, else one made of its name."""
    known = model.checkpoints if model is not None else ()
    found = next((entry for entry in known if entry.id.casefold() == name.casefold()), None)
    return found or Checkpoint(id=name, format=quantization, by_developer=False, source="the name asked for")


def _from_config(name: str | None, hf_config: str, quantization: str) -> Subject:
    from inferstack.catalog.hf_config import architecture_from_hf_config  # noqa: PLC0415

    path = Path(hf_config)
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            Problem(path="model.hfConfig", message=f"cannot be read: {error}", value=path.name)
        ) from error
    architecture = architecture_from_hf_config(document, file=hf_config)
    title = name or str(document.get("_name_or_path") or path.stem)
    return _build(title, architecture, None, quantization, f"shape from {path.name}")
