"""Who hears about money: a budget of the environment, and alarms about unusual spending."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import pulumi

from components import naming
from components.base import Component
from components.facts import SpendingFacts
from components.wire import WireResource, billing

ACTUAL_PERCENT: Final = (80, 100)
FORECAST_PERCENT: Final = 100


@dataclass(frozen=True, kw_only=True)
class SpendingArgs:
    environment: str
    account: str
    budget_monthly_usd: Decimal | None
    """Absent: no budget is set, unusual spending is still told."""
    anomaly_usd: Decimal
    emails: tuple[str, ...]
    topic_arn: str | None

    def facts(self) -> SpendingFacts:
        return SpendingFacts(
            environment=self.environment,
            budget_monthly_usd=self.budget_monthly_usd,
            anomaly_usd=self.anomaly_usd,
            emails=self.emails,
            topic_arn=self.topic_arn,
        )


class Spending(Component):
    """AWS Budgets and Cost Anomaly Detection, by the environment's tag.

    Both see a tag only once the account that pays has activated it as a cost allocation tag:
    ``inferstack.dev/environment``.
    """

    def __init__(self, name: str, args: SpendingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Spending", name, args.facts(), opts)
        self.args = args
        if args.budget_monthly_usd is not None:
            self._budget(args.budget_monthly_usd)
        monitor = self._monitor()
        if args.emails:
            # mails are collected for a day; AWS sends single alerts to topics only
            mails = [{"type": "EMAIL", "address": address} for address in args.emails]
            self._subscription("mail", monitor, "DAILY", mails)
        if args.topic_arn is not None:
            topic = [{"type": "SNS", "address": args.topic_arn}]
            self._subscription("topic", monitor, "IMMEDIATE", topic)
        self.register_outputs({})

    def _budget(self, limit: Decimal) -> WireResource:
        inputs = {
            "accountId": self.args.account,
            "budgetType": "COST",
            "limitAmount": format(limit, "f"),
            "limitUnit": "USD",
            "timeUnit": "MONTHLY",
            "costFilters": [
                {"name": "TagKeyValue", "values": [f"user:{naming.ENVIRONMENT_TAG}${self.args.environment}"]}
            ],
            "notifications": [
                *(self._notification("ACTUAL", percent) for percent in ACTUAL_PERCENT),
                self._notification("FORECASTED", FORECAST_PERCENT),
            ],
        }
        return billing("budgets", "Budget", self.name, inputs, self.child())

    def _notification(self, kind: str, percent: int) -> dict[str, Any]:
        topics = [self.args.topic_arn] if self.args.topic_arn else None
        receivers = {
            "subscriberEmailAddresses": list(self.args.emails) or None,
            "subscriberSnsTopicArns": topics,
        }
        return {
            "notificationType": kind,
            "comparisonOperator": "GREATER_THAN",
            "threshold": percent,
            "thresholdType": "PERCENTAGE",
            **{key: value for key, value in receivers.items() if value},
        }

    def _monitor(self) -> WireResource:
        values, key = [self.args.environment], naming.ENVIRONMENT_TAG
        watched = {"Tags": {"Key": key, "Values": values, "MatchOptions": ["EQUALS"]}}
        inputs = {
            "name": self.name,
            "monitorType": "CUSTOM",
            "monitorSpecification": json.dumps(watched, sort_keys=True),
        }
        return billing("costexplorer", "AnomalyMonitor", self.name, inputs, self.child(), outputs=("arn",))

    def _subscription(
        self, part: str, monitor: WireResource, frequency: str, subscribers: Sequence[dict[str, str]]
    ) -> WireResource:
        name = naming.logical(self.name, part)
        least = {
            "key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
            "matchOptions": ["GREATER_THAN_OR_EQUAL"],
            "values": [format(self.args.anomaly_usd, "f")],
        }
        inputs = {
            "name": name,
            "frequency": frequency,
            "monitorArnLists": [monitor.output("arn")],
            "subscribers": list(subscribers),
            "thresholdExpression": {"dimension": least},
        }
        return billing("costexplorer", "AnomalySubscription", name, inputs, self.child())
