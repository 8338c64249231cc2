"""SQS queues: what a consumer that waits twenty seconds a request asks in a month."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from inferstack.cost.item import Item, Line, Pricing
from inferstack.resources import Resource
from inferstack.units import HOURS_PER_MONTH
from inferstack.view import View

WAIT_S: Final = Decimal(20)
"""The longest an SQS request may wait, and how long Karpenter's do."""
MILLION: Final = Decimal(10**6)


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    requests = HOURS_PER_MONTH * 3600 / WAIT_S
    yield pricing.service(
        "sqs-requests-1m",
        resource,
        requests / MILLION,
        assumption=f"one reader that waits {WAIT_S} s a request; the account's free million is not deducted",
    )


ITEM = Item(id="queue", title="SQS queue", service="SQS", types=("aws:sqs/queue:Queue",), lines=lines)
