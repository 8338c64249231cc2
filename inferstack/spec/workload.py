"""`kind: Workload`: one model to serve, its traffic, and what must hold. Values only; no file is opened here.

Attributes are the file's camelCase names in snake_case. Durations are ``timedelta``, percentages fractions
(0..1), money Decimal USD. ``None`` means "not stated"; ``derive.py`` resolves it with documented defaults.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from inferstack.spec.base import Section
from inferstack.spec.capacity import Budget, Capacity, Purchase, Replicas
from inferstack.spec.delivery import (
    AbortOn,
    Classification,
    Evaluation,
    Fallback,
    Rollout,
)
from inferstack.spec.engine_settings import Serving, Speculative
from inferstack.spec.identifiers import CountryCode, Name, Residency, Text
from inferstack.spec.model_ref import Adapter, ModelField, ModelRef, Quantization
from inferstack.spec.quantities import Duration, Percentage, Usd, conflict
from inferstack.spec.traffic import TokenCount, Traffic

__all__ = [
    "AbortOn", "Adapter", "Budget", "Capacity", "Classification", "DataRules", "Evaluation", "Fallback",
    "ModelRef", "Purchase", "Quantization", "Regulation", "Replicas", "Rollout", "ServiceLevel", "Serving",
    "Speculative", "TokenCount", "Traffic", "Usage", "Workload",
]  # fmt: skip

Regulation = Literal[
    "GDPR", "UK-GDPR", "EU-AI-Act", "DORA", "NIS2", "C5", "HIPAA", "PCI-DSS", "SOC2", "ISO27001", "FedRAMP",
    "CCPA", "PIPEDA", "LGPD", "APPI", "PDPA",
]  # fmt: skip


class ServiceLevel(Section):
    """What must hold at peak; absent levels follow from the task."""

    ttft_p95: Duration | None = Field(default=None, alias="ttftP95")
    """Time to first token, 95th percentile."""
    itl_p95: Duration | None = Field(default=None, alias="itlP95")
    """Time between tokens, 95th percentile."""
    e2e_p95: Duration | None = Field(default=None, alias="e2eP95")
    """Whole request, 95th percentile."""
    availability: Percentage | None = None
    """Share of requests answered over a month."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.e2e_p95 is not None and self.ttft_p95 is not None and self.e2e_p95 < self.ttft_p95:
            message = "the whole request cannot take less than its first token"
            raise conflict(message, "e2eP95", "ttftP95", accepted="e2eP95 at or above ttftP95")
        if self.availability is not None and not 0.5 <= self.availability <= 0.9999:
            message = "out of what one region can promise"
            raise conflict(message, "availability", accepted="50% to 99.99%")
        return self


class DataRules(Section):
    """What the requests contain, and where it may go."""

    classification: Classification = "internal"
    """The most sensitive class of data in a request."""
    residency: tuple[Residency, ...] = ()
    """Where data may be: `EU`, country codes or region ids, any of them; empty: as the environment says."""
    regulations: tuple[Regulation, ...] = ()
    """Laws and standards that apply."""


def _revenue_shorthand(value: Any) -> Any:
    if isinstance(value, dict) and "annualRevenue" in value:
        if "annualRevenueUsd" in value:
            raise conflict(
                "the revenue is stated twice", "annualRevenueUsd", "annualRevenue", accepted="one of them"
            )
        return {("annualRevenueUsd" if key == "annualRevenue" else key): item for key, item in value.items()}
    return value


def _second_spelling(schema: dict[str, Any]) -> None:
    """The schema of `annualRevenue`, which stands for `annualRevenueUsd`."""
    properties = schema["properties"]
    properties["annualRevenue"] = properties["annualRevenueUsd"] | {
        "description": "Same as annualRevenueUsd."
    }


class Usage(Section):
    """Facts about the business that licences ask for."""

    model_config = ConfigDict(json_schema_extra=_second_spelling)

    commercial: bool = True
    """Used by or for a business."""
    monthly_active_users: Annotated[int, Field(ge=0, le=10_000_000_000)] | None = None
    """Of all products and affiliates together, as Llama-style licences count."""
    annual_revenue_usd: Usd | None = None
    """Of the company and its affiliates; `annualRevenue` is accepted too."""
    trains_other_models: bool = False
    """Outputs train or improve another model."""
    redistributes: bool = False
    """Weights or derivatives leave the company."""
    eu_users: bool | None = None
    """Users or company seat in the EU; absent: not stated."""
    company_domicile: CountryCode | None = None
    """Principal place of business, ISO 3166 alpha-2; absent: not stated."""


UsageField = Annotated[Usage, BeforeValidator(_revenue_shorthand)]


class Workload(Section):
    """One model to serve: everything but `name`, `model` and `traffic` has a stated default."""

    api_version: Literal["inferstack/v1"]
    """Version of this format."""
    kind: Literal["Workload"]
    """What this file describes."""
    name: Name
    """Unique in its environment; names the service, its pods and its alerts."""
    owner: Text | None = None
    """Team that answers for it."""
    cost_centre: Text | None = None
    """Where the cost is booked."""
    model: ModelField
    """Catalog id, or a section."""
    traffic: Traffic
    """How much is asked."""
    slo: ServiceLevel = ServiceLevel()
    """What must hold."""
    data: DataRules = DataRules()
    """What the requests contain."""
    usage: UsageField = Usage()
    """Facts that licences ask for."""
    capacity: Capacity = Capacity()
    """How GPUs are bought."""
    fallback: tuple[Fallback, ...] = ()
    """External backends, in order."""
    rollout: Rollout = Rollout()
    """How a new version takes over."""
    answers_to: tuple[Name, ...] = ()
    """Names of earlier versions that are gone: their callers reach this one."""
    evaluation: Evaluation | None = None
    """Gate of a rollout."""
    serving: Serving = Serving()
    """Engine settings."""
    budget: Budget | None = None
    """Monthly limit of this workload."""

    @model_validator(mode="after")
    def _some_requests_stay(self) -> Self:
        """Shares of external backends leave something for the own replicas."""
        if sum(item.share or 0 for item in self.fallback) >= 1:
            message = "the shares of external backends leave nothing for the own replicas"
            raise conflict(message, "fallback", accepted="shares below 100% together")
        if self.rollout.replaces == self.name:
            message = "a workload cannot take over from itself"
            raise conflict(message, "rollout.replaces", "name", accepted="the name of the earlier version")
        return self

    @model_validator(mode="after")
    def _other_names(self) -> Self:
        if self.name in self.answers_to or len(set(self.answers_to)) < len(self.answers_to):
            message = "its own name, or a name twice"
            raise conflict(
                message, "answersTo", "name", accepted="names of versions that are gone, each once"
            )
        if self.rollout.replaces in self.answers_to:
            message = f"{self.rollout.replaces} is still being replaced"
            accepted = "`rollout.replaces` while the old version runs, `answersTo` once it is gone"
            raise conflict(message, "answersTo", "rollout.replaces", accepted=accepted)
        return self
