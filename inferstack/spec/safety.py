"""Guards of the account: who hears about spending, and what no role may exceed."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from inferstack.spec.base import Section
from inferstack.spec.identifiers import Email, PolicyArn, TopicArn
from inferstack.spec.quantities import Usd, conflict


class Safety(Section):
    """Guards of the account."""

    emails: Annotated[tuple[Email, ...], Field(max_length=10)] = ()
    """Who is told when spending passes `budget.monthlyUsd`, is forecast to, or is unusual."""
    topic_arn: TopicArn | None = None
    """SNS topic that is told too; its policy must let AWS Budgets and Cost Anomaly Detection publish."""
    anomaly_usd: Usd = Field(default=Decimal(100), json_schema_extra={"default": 100})
    """Least unusual spending that is told."""
    permissions_boundary: PolicyArn | None = None
    """Managed policy that bounds every IAM role made here."""

    @property
    def watched(self) -> bool:
        """Somebody hears about spending."""
        return bool(self.emails) or self.topic_arn is not None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.emails)) < len(self.emails):
            raise conflict("an address stands twice", "emails", accepted="each once")
        return self
