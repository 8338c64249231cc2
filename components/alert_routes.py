"""Who is told of alerts: an SNS topic, e-mail through it, a webhook; the alert manager's configuration."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from components import arns, iam, naming
from components.wire import WireResource, alerting

if TYPE_CHECKING:
    import pulumi

    from components.base import Component

NOBODY: Final = "nobody"
TEAM: Final = "team"
WEBHOOK_SECRET: Final = "alert-webhook"  # noqa: S105 - a name, not a secret
WEBHOOK_KEY: Final = "url"
WEBHOOK_FILE: Final = f"/etc/alertmanager/secrets/{WEBHOOK_SECRET}/{WEBHOOK_KEY}"
QUIET: Final = ('alertname=~"Watchdog|InfoInhibitor"', 'severity="info"')
"""Seen on dashboards, sent to nobody."""
CERTIFICATE_DAYS: Final = 21
"""ACM renews sixty days ahead: with three weeks left it has been failing for weeks."""
DAY_S: Final = 86_400


@dataclass(frozen=True, kw_only=True)
class AlertRoutes:
    """All plain. ``existing_topic`` and ``emails`` exclude each other."""

    environment: str
    place: iam.Place
    existing_topic: str | None = None
    emails: tuple[str, ...] = ()
    webhook: bool = False
    runbooks: str | None = None

    @property
    def topic_name(self) -> str:
        return naming.fit(f"inferstack-{self.environment}-alerts", 256)

    @property
    def topic_arn(self) -> str | None:
        """Known at preview, whoever makes the topic."""
        if self.emails:
            return arns.topic(self.place.region, self.place.account, self.topic_name)
        return self.existing_topic

    @property
    def publish(self) -> tuple[iam.Statement, ...]:
        return (
            (iam.Statement(actions=("sns:Publish",), resources=(self.topic_arn,)),) if self.topic_arn else ()
        )


def topic(parent: Component, routes: AlertRoutes, *, managed: bool) -> list[pulumi.Resource]:
    """The topic, who may publish to it, and its subscribers; nothing when it exists or nobody has mail."""
    arn = routes.topic_arn
    if not routes.emails or arn is None:
        return []
    name = naming.logical(parent.name, "alerts")
    # no key of ours: services that publish would need a statement in its policy, and alerts hold no user data
    made = alerting("sns", "Topic", name, {"name": routes.topic_name}, parent.child())
    policy = {"arn": made.output("arn"), "policy": topic_policy(arn, routes.place, managed=managed)}
    found: list[pulumi.Resource] = [made, alerting("sns", "TopicPolicy", name, policy, parent.child())]
    for address in routes.emails:
        inputs = {"topic": made.output("arn"), "protocol": "email", "endpoint": address}
        logical = naming.logical(name, naming.content_hash(address))
        found.append(alerting("sns", "TopicSubscription", logical, inputs, parent.child()))
    return found


def topic_policy(arn: str, place: iam.Place, *, managed: bool) -> str:
    """CloudWatch's alarms and a managed workspace's alert manager publish; roles are judged by IAM."""
    services = ["cloudwatch.amazonaws.com", *(["aps.amazonaws.com"] if managed else [])]
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": ["sns:Publish", "sns:GetTopicAttributes"],
            "Resource": arn,
            "Condition": {"StringEquals": {"aws:SourceAccount": place.account}},
        }
        for service in services
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def alertmanager(routes: AlertRoutes) -> dict[str, Any]:
    """Alertmanager's own configuration: grouped by workload, a page silences its ticket."""
    receiver: dict[str, Any] = {"name": TEAM}
    if routes.topic_arn:
        sns = {
            "topic_arn": routes.topic_arn,
            "sigv4": {"region": routes.topic_arn.split(":")[3]},
            "subject": f"[{routes.environment}] {{{{ .Status }}}}: {{{{ .GroupLabels.alertname }}}}",
            "send_resolved": True,
        }
        receiver["sns_configs"] = [sns]
    if routes.webhook:
        receiver["webhook_configs"] = [{"url_file": WEBHOOK_FILE, "send_resolved": True}]
    told = len(receiver) > 1
    return {
        "route": {
            "receiver": TEAM if told else NOBODY,
            "group_by": ["alertname", "workload"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [{"receiver": NOBODY, "matchers": [matcher]} for matcher in QUIET] if told else [],
        },
        "inhibit_rules": [
            {
                "source_matchers": ['severity="critical"'],
                "target_matchers": ['severity=~"warning|info"'],
                "equal": ["alertname", "workload"],
            }
        ],
        "receivers": [{"name": NOBODY}, *([receiver] if told else [])],
    }


def workspace_definition(routes: AlertRoutes) -> str:
    """The same for the alert manager of a managed workspace, which signs by itself."""
    text = yaml.safe_dump(alertmanager(routes), sort_keys=False)
    return yaml.safe_dump({"alertmanager_config": text}, sort_keys=False)


def certificate_alarm(
    parent: Component, certificate_arn: pulumi.Input[str], routes: AlertRoutes
) -> WireResource:
    """ACM's own countdown; Prometheus does not see it."""
    inputs = {
        "name": naming.fit(f"inferstack-{routes.environment}-GatewayCertificateExpires", 255),
        "alarmDescription": "docs/runbooks/GatewayCertificateExpires.md",
        "namespace": "AWS/CertificateManager",
        "metricName": "DaysToExpiry",
        "dimensions": {"CertificateArn": certificate_arn},
        "statistic": "Minimum",
        "period": DAY_S,
        "evaluationPeriods": 1,
        "threshold": CERTIFICATE_DAYS,
        "comparisonOperator": "LessThanThreshold",
        # ACM reports twice a day
        "treatMissingData": "ignore",
        "alarmActions": [routes.topic_arn] if routes.topic_arn else [],
    }
    return alerting(
        "cloudwatch", "MetricAlarm", naming.logical(parent.name, "certificate"), inputs, parent.child()
    )
