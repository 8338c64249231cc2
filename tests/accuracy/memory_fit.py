"""The memory model's fitted constants, found again from the measurements, and cross-validated.

`estimate` solves for what is fitted (sampler bytes, bytes per batched token, memory outside torch, CUDA graphs);
the rest of ``memory.yaml`` is vLLM's own arithmetic. `cross_validated` predicts every family with constants
that were found without it.
"""

from __future__ import annotations

import contextlib
import copy
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from inferstack.sizing import overhead
from inferstack.sizing.memory import fit
from inferstack.sizing.overhead import captured_sizes
from inferstack.sizing.tensors import padded_vocab
from inferstack.sizing.vllm_defaults import limits, version_key
from inferstack.units import GIB
from tests.accuracy.memory import Row, with_prediction

Document = dict[str, Any]
_SAMPLER_SPLIT = (0, 17)


def estimate(rows: Sequence[Row]) -> Document:
    """``memory.yaml`` with its fitted constants solved for on ``rows``."""
    document = copy.deepcopy(overhead._document())
    _activations(rows, document)
    _graphs(rows, document)
    _beside(rows, document)
    return document


def _activations(rows: Sequence[Row], document: Document) -> None:
    """Least squares of bytes per logit, before and from 0.17 on, and of bytes per batched token."""
    matrix, target = [], []
    for row in rows:
        d, limits_ = row.deployment, limits(row.deployment)
        if row.activation_gib is None or row.engine != "V1" or d.pp > 1 or d.architecture.non_text_params_b:
            continue
        if (
            not (0, 9) <= limits_.version < (0, 27)
            or d.architecture.mla is not None
            or "assumed" in row.notes
        ):
            continue
        tokens, logits = limits_.max_num_batched_tokens, limits_.max_num_seqs * padded_vocab(d.architecture)
        hidden = tokens * d.architecture.hidden_size * 2
        stays = limits_.version >= version_key(document["moe_workspace_since"])
        workspace = overhead._moe_workspace(d.architecture, tokens, d.tp) if stays else 0.0
        if logits * 14 < 3 * tokens * overhead._mlp_width(d.architecture, d.tp) * 2 * 1.2:
            continue  # the forward pass may be the peak
        late = limits_.version >= _SAMPLER_SPLIT
        matrix.append([0.0 if late else logits, logits if late else 0.0, tokens])
        target.append((row.activation_gib - document["resident"]) * GIB - hidden - workspace)
    solved, *_ = np.linalg.lstsq(np.array(matrix), np.array(target), rcond=None)
    document["sampler_bytes_per_logit"][0]["value"] = float(solved[0])
    document["sampler_bytes_per_logit"][1]["value"] = float(solved[1])
    document["resident_bytes_per_token"] = float(solved[2])


def _graphs(rows: Sequence[Row], document: Document) -> None:
    """Graphs against layers on one GPU; latent attention by its own slope."""
    plain, latent = [], []
    for row in rows:
        if row.graph_estimated_gib is None or row.deployment.tp > 1:
            continue
        architecture = row.deployment.architecture
        share = captured_sizes(limits(row.deployment).max_num_seqs) / captured_sizes(512)
        point = (architecture.num_layers / row.deployment.pp, row.graph_estimated_gib / share)
        (latent if architecture.mla is not None else plain).append(point)
    slope, base = np.polyfit([x for x, _ in plain], [y for _, y in plain], 1)
    document["graph_base"], document["graph_per_layer"] = float(base), float(slope)
    if latent:
        document["graph_per_latent_layer"] = statistics.median((y - base) / x for x, y in latent)


def _beside(rows: Sequence[Row], document: Document) -> None:
    """Medians of the memory outside torch, per version range and kind of link."""
    entries = document["non_torch"]
    bounds = [version_key(entry["since"]) for entry in entries] + [(99,)]
    for entry, low, high in zip(entries, bounds, bounds[1:], strict=False):
        if low < (0, 8):
            continue
        seen: dict[str, list[float]] = {}
        for row in rows:
            if row.non_torch_gib is None or row.engine != "V1" or row.deployment.pp > 1:
                continue
            if low <= version_key(row.version) < high:
                seen.setdefault(link(row), []).append(row.non_torch_gib)
        for kind, values in seen.items():
            if len(values) >= 3:
                entry[kind] = statistics.median(values)


def link(row: Row) -> str:
    """The column of ``non_torch`` that a row belongs to."""
    d = row.deployment
    if d.tp == 1:
        return "single"
    if d.gpu.nvlink_gb_per_s_bidirectional < 300:
        return "pcie"
    capability = float(d.gpu.compute_capability)
    return "fused_blackwell" if capability >= 10 else "fused" if capability >= 9 else "nvlink"


@contextlib.contextmanager
def constants_of(document: Document) -> Iterator[None]:
    """Run ``fit`` with other constants."""
    original = overhead._document
    overhead._document = lambda: document  # type: ignore[assignment]  # a stand-in for the cached reader
    overhead.constants.cache_clear()
    try:
        yield
    finally:
        overhead._document = original
        overhead.constants.cache_clear()


def cross_validated(rows: Sequence[Row]) -> list[Row]:
    """Every row predicted by constants that were found without its model family."""
    predicted = []
    for name in sorted({row.family for row in rows}):
        with constants_of(estimate([row for row in rows if row.family != name])):
            predicted += [with_prediction(row, fit(row.deployment)) for row in rows if row.family == name]
    return predicted
