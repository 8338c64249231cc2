"""E-mail that a topic of alerts sends to a subscriber."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from inferstack.cost.item import Item, Line, Pricing
from inferstack.resources import Resource
from inferstack.view import View

BLOCK = Decimal(100_000)


def lines(view: View, resource: Resource, pricing: Pricing) -> Iterator[Line]:
    del view
    mails = pricing.assumptions.alert_emails
    yield pricing.service("sns-email-100k", resource, mails / BLOCK, assumption=f"{mails} mails a month")


def is_mail(view: View, resource: Resource) -> bool:
    """A protocol that is not known may be mail."""
    del view
    return resource.inputs.get("protocol") not in {"https", "http", "lambda", "sqs"}


ITEM = Item(
    id="alert-email",
    title="Alert mail",
    service="SNS",
    types=("aws:sns/topicSubscription:TopicSubscription",),
    lines=lines,
    applies=is_mail,
)
