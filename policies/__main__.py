"""The CrossGuard pack: constructing it serves the policies until the engine is done."""

from __future__ import annotations

import datetime as dt

from pulumi_policy import EnforcementLevel, PolicyPack

from inferstack.catalog.load import load_catalog
from inferstack.policy.knowledge import CatalogKnowledge
from policies.crossguard import Memory, policies
from policies.rules import RULES

PolicyPack(
    name="inferstack",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=policies(
        RULES, Memory(knowledge=CatalogKnowledge(load_catalog()), today=dt.datetime.now(dt.UTC).date())
    ),
)
