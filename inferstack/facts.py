"""The plain facts that components state about themselves in their props, as rules and the bill read them.

This file is the contract with ``components/``: every prop consulted by a rule is named here and nowhere else.
Reading a fact that is unknown, or that a rule cannot do without and is absent, raises ``Undecided``.

``inferstack:index:InferenceEnvironment``
    environment, account, region, zones (zone ids), residency (groups, countries or region ids), production,
    policy {strict, level, denyDeveloperCountries, denyModels, denyLicences,
    waivers [{rule, scope, owner, reason, expires}]}, budgetMonthlyUsd (text), tags {}
``inferstack:index:VllmService``
    workload, model, revision, licence, developerCountry, gated, owner, costCentre, budgetMonthlyUsd (text),
    usage {commercial, monthlyActiveUsers, annualRevenueUsd, trainsOtherModels, redistributes, euUsers,
    companyDomicile}, data {classification, residency}, adapters [{name, source}],
    fallback [{provider, model, region, endpoint, maxClassification, enabled}],
    slo {availability, ttftP95Ms, itlP95Ms, e2eP95Ms}, purchase, replicas, minReplicas,
    requestsPerDay, inputTokens, outputTokens (text)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from inferstack.view import View

if TYPE_CHECKING:
    from inferstack.resources import Resource, ResourceIndex

ENVIRONMENT_TYPE: Final = "inferstack:index:InferenceEnvironment"
WORKLOAD_TYPE: Final = "inferstack:index:VllmService"
CLASSIFICATIONS: Final = ("public", "internal", "confidential", "restricted")
"""From least to most protected."""
LITELLM_PREFIXES: Final = {
    "bedrock": "bedrock",
    "sagemaker": "sagemaker_chat",
    "openai": "openai",
    "together": "together_ai",
    "anyscale": "anyscale",
    "huggingface": "huggingface",
}
"""How LiteLLM's configuration writes an external provider, by the spec's name of it."""


_PROFILE: Final = re.compile(r"(?:us|us-gov|eu|apac|jp|au|ca|global)\.(.+)")


def foundation_model(model: str) -> str:
    """What a Bedrock inference profile (``eu.anthropic...``) calls; of any other (``zai.glm-4.7``) itself."""
    profile = _PROFILE.fullmatch(model)
    return profile[1] if profile else model


def may_leave(classification: str, most_sensitive_allowed: str) -> bool:
    """Whether data of a class may go to a backend cleared up to another; restricted data never leaves."""
    if classification == "restricted":
        return False
    return CLASSIFICATIONS.index(classification) <= CLASSIFICATIONS.index(most_sensitive_allowed)


@dataclass(frozen=True)
class EnvironmentFacts:
    """What an environment says about itself."""

    view: View
    urn: str = ""

    @property
    def name(self) -> str:
        return self.view.required_text("environment")

    @property
    def region(self) -> str:
        return self.view.required_text("region")

    @property
    def zones(self) -> tuple[str, ...]:
        return self.view.texts("zones")

    @property
    def residency(self) -> tuple[str, ...]:
        """Groups (EU), countries (DE) or regions (eu-central-1) data may be in; empty: no restriction."""
        return self.view.texts("residency")

    @property
    def strict(self) -> bool:
        return self.view.view("policy").flag("strict") is not False

    @property
    def level(self) -> str:
        """``mandatory`` or ``advisory``."""
        return self.view.view("policy").text("level") or "mandatory"

    @property
    def denied_countries(self) -> tuple[str, ...]:
        return self.view.view("policy").texts("denyDeveloperCountries")

    @property
    def denied_models(self) -> tuple[str, ...]:
        return self.view.view("policy").texts("denyModels")

    @property
    def denied_licences(self) -> tuple[str, ...]:
        return self.view.view("policy").texts("denyLicences")

    @property
    def waivers(self) -> tuple[View, ...]:
        return self.view.view("policy").views("waivers")

    @property
    def budget_monthly_usd(self) -> Decimal | None:
        return self.view.number("budgetMonthlyUsd")

    @property
    def tags(self) -> View:
        return self.view.view("tags")

    @property
    def production(self) -> bool:
        """As the environment says; one that says nothing is production unless its tag or name is not."""
        stated = self.view.flag("production")
        if stated is not None:
            return stated
        label = self.tags.text("environment") or self.name
        return not label.lower().startswith(("dev", "test", "sandbox", "staging"))


@dataclass(frozen=True)
class FallbackFacts:
    view: View

    @property
    def provider(self) -> str:
        return self.view.required_text("provider").lower()

    @property
    def model(self) -> str:
        return self.view.required_text("model")

    @property
    def region(self) -> str | None:
        return self.view.text("region")

    @property
    def endpoint(self) -> str | None:
        return self.view.text("endpoint")

    @property
    def max_classification(self) -> str | None:
        return self.view.text("maxClassification")

    @property
    def enabled(self) -> bool:
        """False: the gateway was not told of it, so no request can leave."""
        return self.view.flag("enabled") is not False


@dataclass(frozen=True)
class AdapterFacts:
    view: View

    @property
    def name(self) -> str:
        return self.view.required_text("name")

    @property
    def source(self) -> str:
        return self.view.required_text("source")


@dataclass(frozen=True)
class WorkloadFacts:
    """What a serving component says about its model, its use and its data."""

    view: View

    @property
    def name(self) -> str:
        return self.view.required_text("workload")

    @property
    def model(self) -> str:
        return self.view.required_text("model")

    @property
    def checkpoint(self) -> str:
        """The repository whose weights are loaded: the model's own, or a re-release in another format."""
        return self.view.text("checkpoint") or self.model

    @property
    def revision(self) -> str | None:
        return self.view.text("revision")

    @property
    def commercial(self) -> bool:
        """Serving is commercial unless the workload says it is not."""
        return self.view.view("usage").flag("commercial") is not False

    @property
    def monthly_active_users(self) -> Decimal | None:
        return self.view.view("usage").number("monthlyActiveUsers")

    @property
    def annual_revenue_usd(self) -> Decimal | None:
        return self.view.view("usage").number("annualRevenueUsd")

    @property
    def trains_other_models(self) -> bool:
        return self.view.view("usage").flag("trainsOtherModels") is True

    @property
    def redistributes(self) -> bool:
        return self.view.view("usage").flag("redistributes") is True

    @property
    def eu_users(self) -> bool | None:
        """Users or seat of the company in the EU; None: not stated."""
        return self.view.view("usage").flag("euUsers")

    @property
    def company_domicile(self) -> str | None:
        """ISO 3166 alpha-2 of the principal place of business; None: not stated."""
        return self.view.view("usage").text("companyDomicile")

    @property
    def classification(self) -> str | None:
        return self.view.view("data").text("classification")

    @property
    def residency(self) -> tuple[str, ...]:
        return self.view.view("data").texts("residency")

    @property
    def adapters(self) -> tuple[AdapterFacts, ...]:
        return tuple(AdapterFacts(view) for view in self.view.views("adapters"))

    @property
    def fallbacks(self) -> tuple[FallbackFacts, ...]:
        """External backends that the gateway may use."""
        found = (FallbackFacts(view) for view in self.view.views("fallback"))
        return tuple(fallback for fallback in found if fallback.enabled)


def environment_of(resources: ResourceIndex, resource: Resource) -> EnvironmentFacts | None:
    """Facts of the nearest environment at or above a resource."""
    for candidate in (resource, *resources.ancestors(resource)):
        if candidate.type == ENVIRONMENT_TYPE:
            return EnvironmentFacts(View(candidate.inputs), candidate.urn)
    return None


def environments(resources: ResourceIndex) -> Iterator[EnvironmentFacts]:
    for resource in resources.of_type(ENVIRONMENT_TYPE):
        yield EnvironmentFacts(View(resource.inputs), resource.urn)


def workload_of(resources: ResourceIndex, resource: Resource) -> str | None:
    """Name of the workload a resource belongs to; None when it is shared by all."""
    for candidate in (resource, *resources.ancestors(resource)):
        name = candidate.inputs.get("workload")
        if candidate.type.startswith("inferstack:") and isinstance(name, str):
            return name
    return None
