"""From whatever a model is called to its architecture: catalog ids, quantized copies, fine-tunes, renames.

Quantization, precision and packaging words are taken off the name (and reported), then the most specific
known name whose words all stand in the rest, in order, decides: ``TheBloke/OpenHermes-2.5-Mistral-7B-AWQ``
has the words of ``Mistral-7B``. Every answer that is not the very name asked for says so in ``note``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from inferstack.catalog.files import parse_yaml, read_text
from inferstack.catalog.load import Catalog, load_catalog
from inferstack.catalog.names import nearest, or_list
from inferstack.catalog.types import Architecture
from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    from inferstack.catalog.types import Model


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """What a name stands for. ``model`` is None where only the shape is known."""

    architecture: Architecture
    requested: str
    model: Model | None = None
    id: str = ""
    """The catalog's or the shape table's id whose architecture this is."""
    quantization: str | None = None
    """The format the name speaks of; None when it speaks of none."""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    """A name taken apart."""

    words: tuple[str, ...]
    quantization: str | None


_QUANTIZATION: Final[tuple[tuple[str, str], ...]] = (
    # pattern over the lower-case name, format; the first that matches decides, all are taken off
    (r"(gguf[-_.\s]*)?i?q[2-8](_[0-9k](_[a-z]+)?)?(\.gguf)?\b", "gguf"),
    (r"[-_.\s(]*gguf\b", "gguf"),
    (r"gptq[-_.\s]*(marlin[-_.\s]*)?(int)?8([-_.\s]*bit)?", "gptq-int8"),
    (r"w8a16", "gptq-int8"),
    (r"mxfp8", "mxfp8"),
    (r"mxfp4", "mxfp4"),
    (r"(nv)?fp4|w4a4", "nvfp4"),
    (r"awq([-_.\s]*(int)?4([-_.\s]*bit)?)?|int4[-_.\s]*awq", "awq"),
    (r"(auto[-_]?round[-_.\s]*)?gptq([-_.\s]*(int)?4([-_.\s]*bit)?)?|auto[-_]?round([-_.\s]*int4)?", "gptq"),
    (r"(unsloth[-_.\s]*)?bnb[-_.\s]*(4[-_.\s]*bit)?|bitsandbytes|nf4", "bnb"),
    (r"(dynamic[-_.\s]*)?fp8([-_.\s]*(dynamic|block|kv|static|e4m3))*|w8a8[-_.\s]*fp8|w8a8[-_.\s]*fp", "fp8"),
    (r"w8a8|int8|smoothquant", "int8"),
    (r"w4a16|int4|4[-_.\s]?bit|g128", "int4"),
    (r"8[-_.\s]?bit", "int8"),
    (r"bf16|bfloat16", "bf16"),
    (r"fp16|float16", "fp16"),
)  # fmt: skip
_PACKAGING: Final = frozenset(
    {
        "a",
        "abliterated",
        "autoround",
        "awq",
        "base",
        "block",
        "calibrated",
        "channel",
        "chat",
        "converted",
        "ct",
        "dpo",
        "dynamic",
        "exl2",
        "fine",
        "finetune",
        "finetuned",
        "g128",
        "gguf",
        "gptq",
        "gs128",
        "hf",
        "instruct",
        "it",
        "kv",
        "latest",
        "marlin",
        "merged",
        "meta",
        "mixed",
        "mlx",
        "model",
        "or",
        "original",
        "per",
        "preview",
        "pt",
        "qat",
        "quantized",
        "rl",
        "safetensors",
        "sft",
        "static",
        "tensor",
        "the",
        "thinking",
        "tune",
        "tuned",
        "uncensored",
        "unsloth",
    }
)
_OTHER_MODALITY: Final = frozenset({"vl", "vision", "audio", "omni", "multimodal", "llava", "ocr"})
_DATE: Final = re.compile(r"(0[1-9]|1[0-2])\d\d|2[4-9](0[1-9]|1[0-2])(\d\d)?|20\d\d")


def resolve_model(name: str, catalog: Catalog | None = None) -> ResolvedModel:
    """The architecture behind ``name``; InputError with the nearest names when nothing is known by it."""
    return _resolve(name, catalog or load_catalog())


@lru_cache(maxsize=4096)
def _resolve(name: str, catalog: Catalog) -> ResolvedModel:
    exact = _exact(name, catalog)
    if exact is not None:
        return exact
    found = _words(name)
    bare = name.strip().rpartition("/")[2].lower()
    rule = _derivative(bare, catalog)
    targets = (rule,) if rule else _closest(bare, found.words, catalog)
    for target in targets:
        resolved = _exact(target, catalog)
        if resolved is not None:
            return _noted(resolved, name, found.quantization)
    raise InputError(_unknown(name, catalog))


def _noted(resolved: ResolvedModel, requested: str, quantization: str | None) -> ResolvedModel:
    native = resolved.architecture.native_dtype
    told = quantization if quantization != native else None
    weights = f", weights in {told}" if told else ""
    note = f"{requested} is not in the catalog; sized with the architecture of {resolved.id}{weights}"
    return replace(resolved, requested=requested, quantization=told, note=note)


# --- known names ---


@lru_cache(maxsize=8)
def _shapes(catalog: Catalog) -> dict[str, Architecture]:
    """Shapes outside the catalog by id."""
    document = _document(catalog)
    return {
        entry["id"]: Architecture.model_validate(
            {**document["defaults"], **{k: v for k, v in entry.items() if k not in ("id", "aliases")}}
        )
        for entry in document["architectures"]
    }


@lru_cache(maxsize=8)
def _document(catalog: Catalog) -> dict[str, Any]:
    path = catalog.directory / "architectures.yaml"
    return parse_yaml(read_text(path), file=path.name)


@lru_cache(maxsize=8)
def _spellings(catalog: Catalog) -> dict[str, str]:
    """Ids and aliases of the shapes, in lower case, to the id."""
    names: dict[str, str] = {}
    for entry in _document(catalog)["architectures"]:
        for spelling in (entry["id"], *entry.get("aliases", ())):
            names[spelling.casefold()] = entry["id"]
    return names


def _exact(name: str, catalog: Catalog) -> ResolvedModel | None:
    """The model or shape that is called ``name``, whatever the case."""
    model = _catalog_model(name, catalog)
    if model is not None:
        if model.architecture is None:
            return None
        alias = name.strip().casefold() != model.id.casefold()
        note = f"{name} is another name of {model.id}" if alias else None
        shape = _positioned(model)
        return ResolvedModel(architecture=shape, requested=name, model=model, id=model.id, note=note)
    known = _spellings(catalog).get(name.strip().casefold())
    if known is None:
        return None
    same = "" if name.strip().casefold() == known.casefold() else f", that of {known}"
    note = f"{name} is not in the catalog: its architecture is known{same}, its licence is not"
    return ResolvedModel(architecture=_shapes(catalog)[known], requested=name, id=known, note=note)


def _catalog_model(name: str, catalog: Catalog) -> Model | None:
    try:
        return catalog.model(name)
    except InputError:
        return None


@lru_cache(maxsize=1024)
def _positioned(model: Model) -> Architecture:
    """The model's architecture with its longest context."""
    assert model.architecture is not None
    if model.architecture.max_position or not model.max_context:
        return model.architecture
    return model.architecture.model_copy(update={"max_position": model.max_context})


def _derivative(bare: str, catalog: Catalog) -> str | None:
    for rule in _document(catalog)["of"]:
        if re.search(rule["pattern"], bare):
            return str(rule["id"])
    return None


# --- names taken apart ---


@lru_cache(maxsize=4096)
def _words(name: str) -> _Words:
    text = name.strip().rpartition("/")[2].lower()
    quantization = None
    for pattern, form in _QUANTIZATION:
        match = re.search(rf"(?<![a-z0-9]){pattern}(?![a-z0-9])|(?<=\d)[-_.]{pattern}$", text)
        if match is None:
            continue
        if quantization is None:
            quantization = _gguf_name(match[0]) if form == "gguf" else form
        text = f"{text[: match.start()]} {text[match.end() :]}"
    text = re.sub(r"(?<=\d)_(?=\d)", ".", text)
    text = re.sub(r"\b(llama|qwen|gemma|phi|mistral|glm|yi|falcon|granite|opt|internlm)(?=\d)", r"\1-", text)
    pieces = re.split(r"[^a-z0-9.]+", text)
    return _Words(tuple(w for piece in pieces if (w := piece.strip(".")) and _is_telling(w)), quantization)


def _gguf_name(matched: str) -> str:
    bits = re.search(r"i?q[2-8](_[0-9k](_[a-z]+)?)?", matched)
    return f"gguf-{bits[0]}" if bits else "gguf-q4_k_m"


def _is_telling(word: str) -> bool:
    return word not in _PACKAGING and not _DATE.fullmatch(word) and not re.fullmatch(r"v[01](\.\d+)*", word)


@lru_cache(maxsize=8)
def _candidates(catalog: Catalog) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Telling words of every known name, catalog models first."""
    names = (*catalog.model_ids(), *_spellings(catalog).values(), *_spellings(catalog))
    return tuple((words, name) for name in dict.fromkeys(names) if (words := _words(name).words))


def _closest(bare: str, words: tuple[str, ...], catalog: Catalog) -> tuple[str, ...]:
    """Known names whose words all stand in ``words`` in order; those with the most words first."""
    found: list[tuple[int, float, int, str]] = []
    for order, (candidate, name) in enumerate(_candidates(catalog)):
        if not _stands_in(candidate, words) or (set(words) - set(candidate)) & _OTHER_MODALITY:
            continue
        if any(any(c.isdigit() for c in word) for word in candidate):
            likeness = SequenceMatcher(None, bare, name.rpartition("/")[2].lower()).ratio()
            found.append((-len(candidate), -round(likeness, 3), order, name))
    return tuple(name for *_, name in sorted(found))


def _stands_in(candidate: tuple[str, ...], words: tuple[str, ...]) -> bool:
    rest = iter(words)
    return all(word in rest for word in candidate)


def _unknown(name: str, catalog: Catalog) -> Problem:
    phantom = catalog.phantom_model(name)
    if phantom is not None:
        return Problem(message=f"no model {name!r}: {phantom.finding}", did_you_mean=or_list(phantom.use))
    known = [*catalog.model_ids(), *(entry["id"] for entry in _document(catalog)["architectures"])]
    return Problem(
        message=f"no model {name!r} in the catalog, and no known model whose architecture it has",
        did_you_mean=or_list(nearest(name, known)),
        accepted="a catalog id, a derivative of one, or --hf-config FILE for any other model",
    )
