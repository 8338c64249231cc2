"""Tokens that external backends answer: their share is not known in advance, so it is a visible gap."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.cost.item import Item, Line, Pricing, missing
from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.resources import Resource
from inferstack.view import Undecided, View


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del resource, pricing
    try:
        for fallback in WorkloadFacts(view).fallbacks:
            label = f"Tokens of {fallback.provider} {fallback.model}"
            yield missing(label, "paid per token for what the own replicas cannot take; share not known")
    except Undecided as undecided:
        yield missing("Tokens of external backends", undecided.reason)


def has_fallbacks(view: View, resource: Resource) -> bool:
    del resource
    try:
        return bool(WorkloadFacts(view).fallbacks)
    except Undecided:
        return True


ITEM = Item(
    id="fallback-tokens",
    title="External backends",
    service="API",
    types=(WORKLOAD_TYPE,),
    lines=lines,
    applies=has_fallbacks,
)
