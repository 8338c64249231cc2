"""What rules ask of a workload and its environment, from the catalog rather than as stated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferstack.facts import EnvironmentFacts, WorkloadFacts, environment_of
from inferstack.view import Undecided

if TYPE_CHECKING:
    from inferstack.catalog.types import Licence, Model
    from inferstack.policy.types import Context, Knowledge
    from inferstack.resources import Resource


def required_environment(context: Context, resource: Resource) -> EnvironmentFacts:
    """Facts of the environment a resource belongs to; Undecided when it belongs to none."""
    facts = environment_of(context.resources, resource)
    if facts is None:
        raise Undecided("it does not belong to an InferenceEnvironment, so what is allowed is not known")
    return facts


def model_of(facts: WorkloadFacts, knowledge: Knowledge) -> Model | None:
    return knowledge.model(facts.model)


def licence_of(facts: WorkloadFacts, knowledge: Knowledge) -> Licence:
    """The catalog's licence of the model; what the component states counts only where it is silent."""
    model = model_of(facts, knowledge)
    stated = facts.view.text("licence") if model is None else model.licence
    if not stated:
        raise Undecided(f"the licence of {facts.model} is not established")
    licence = knowledge.licence(stated)
    if licence is None:
        raise Undecided(
            f"the licence {stated} of {facts.model} is not in the catalog, so its terms are unknown"
        )
    return licence


def developer_country_of(facts: WorkloadFacts, knowledge: Knowledge) -> str:
    model = model_of(facts, knowledge)
    country = facts.view.text("developerCountry") if model is None else model.developer_country
    if not country:
        raise Undecided(f"the country of the developer of {facts.model} is not established")
    return country
