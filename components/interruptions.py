"""The queue of interruption notices: spot reclaims, rebalance advice, maintenance, instances that stop.

Spot gives two minutes. Karpenter drains on the notice; managed node groups are drained by EKS itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from components import arns, naming
from components.wire import event_rule, event_target, sqs

if TYPE_CHECKING:
    import pulumi

    from components.base import Component
    from components.iam import Place

QUEUE_LIMIT: Final = 80
RETENTION_S: Final = 300
"""A notice that nobody read in five minutes is about an instance that is gone."""
EVENTS: Final = {
    "health": ("aws.health", "AWS Health Event"),
    "spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "state": ("aws.ec2", "EC2 Instance State-change Notification"),
}


def queue_name(environment: str) -> str:
    """Plain, so that the controller's settings are known at preview."""
    return naming.fit(f"inferstack-{environment}-interruptions", QUEUE_LIMIT)


def rule_name(environment: str, event: str) -> str:
    return naming.fit(f"inferstack-{environment}-{event}", naming.Limit.IAM_ROLE)


def interruption_queue(parent: Component, environment: str, place: Place) -> list[pulumi.Resource]:
    """The queue and all that fills it; the controller waits for them."""
    name, physical = naming.logical(parent.name, "interruptions"), queue_name(environment)
    settings = {
        "name": physical,
        "messageRetentionSeconds": RETENTION_S,
        # EventBridge cannot use a key of ours without a statement in its policy; notices hold ids only
        "sqsManagedSseEnabled": True,
    }
    queue = sqs("Queue", name, settings, parent.child())
    arn = arns.queue(place.region, place.account, physical)
    rules = [rule_name(environment, event) for event in EVENTS]
    policy = {"queueUrl": queue.id, "policy": queue_policy(arn, place, rules)}
    made: list[pulumi.Resource] = [queue, sqs("QueuePolicy", name, policy, parent.child())]
    for event, (source, detail) in EVENTS.items():
        logical = naming.logical(name, event)
        pattern = json.dumps({"source": [source], "detail-type": [detail]})
        rule = event_rule(
            logical, {"name": rule_name(environment, event), "eventPattern": pattern}, parent.child()
        )
        target = {"rule": rule.id, "arn": arn}
        made.append(event_target(logical, target, parent.child(depends_on=[queue])))
    return made


def queue_policy(arn: str, place: Place, rules: list[str]) -> str:
    """Only these rules may send, and everyone only over TLS."""
    senders = [arns.event_rule(place.region, place.account, rule) for rule in rules]
    statements = [
        {
            "Sid": "Notices",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": senders}},
        },
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
