"""Logs, metrics, queues, the web ACL, and money."""

from __future__ import annotations

import json
from typing import Any

from tests.aws.cloud import Cloud, Inputs, Made, makes, maybe, physical
from tests.aws.make_ec2 import spent
from tests.aws.shapes import pascal, tags

WEB_ACL_NAMES = {
    "cloudwatchMetricsEnabled": "CloudWatchMetricsEnabled",
    "evaluationWindowSec": "EvaluationWindowSec",
}


@makes("aws:cloudwatch/logGroup:LogGroup")
def log_group(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    logs, full = cloud.client("logs"), inputs.pop("name", None) or physical(name, 512)
    logs.create_log_group(logGroupName=full, kmsKeyId=inputs.pop("kmsKeyId"))
    logs.put_retention_policy(logGroupName=full, retentionInDays=inputs.pop("retentionInDays"))
    arn = f"arn:aws:logs:{cloud.region}:{cloud.account}:log-group:{full}"
    return spent(inputs, full, arn=arn, name=full)


@makes("aws:amp/workspace:Workspace")
def workspace(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    request = {key: inputs.pop(key) for key in ("alias", "kmsKeyArn") if key in inputs}
    made = cloud.client("amp").create_workspace(**request)
    endpoint = f"https://aps-workspaces.{cloud.region}.amazonaws.com/workspaces/{made['workspaceId']}/"
    return spent(inputs, made["workspaceId"], arn=made["arn"], prometheusEndpoint=endpoint)


@makes("aws:sqs/queue:Queue")
def queue(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("name")
    attributes = {
        "MessageRetentionPeriod": str(inputs.pop("messageRetentionSeconds")),
        "SqsManagedSseEnabled": str(inputs.pop("sqsManagedSseEnabled")).lower(),
    }
    url = cloud.client("sqs").create_queue(QueueName=full, Attributes=attributes)["QueueUrl"]
    return spent(inputs, url, arn=f"arn:aws:sqs:{cloud.region}:{cloud.account}:{full}")


@makes("aws:sqs/queuePolicy:QueuePolicy")
def queue_policy(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    url = inputs.pop("queueUrl")
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": inputs.pop("policy")})
    return spent(inputs, url)


@makes("aws:cloudwatch/eventRule:EventRule")
def event_rule(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("name", None) or physical(name, 64)
    made = cloud.client("events").put_rule(Name=full, EventPattern=inputs.pop("eventPattern"))
    inputs.pop("description", None)
    return spent(inputs, full, arn=made["RuleArn"], name=full)


@makes("aws:cloudwatch/eventTarget:EventTarget")
def event_target(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    rule = inputs.pop("rule")
    target = {"Id": physical(name, 64), "Arn": inputs.pop("arn")}
    answer = cloud.client("events").put_targets(Rule=rule, Targets=[target])
    assert answer["FailedEntryCount"] == 0, answer
    return spent(inputs, f"{rule}-{target['Id']}")


@makes("aws:wafv2/webAcl:WebAcl")
def web_acl(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    request = pascal(inputs, WEB_ACL_NAMES)
    made = cloud.client("wafv2").create_web_acl(Name=physical(name, 128), **request)["Summary"]
    return made["Id"], {"arn": made["ARN"]}


@makes("aws:budgets/budget:Budget")
def budget(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    filters = {one["name"]: one["values"] for one in inputs.pop("costFilters")}
    limit = {"Amount": inputs.pop("limitAmount"), "Unit": inputs.pop("limitUnit")}
    account, full = inputs.pop("accountId"), physical(name, 100)
    told = [_notification(dict(one)) for one in inputs.pop("notifications")]
    cloud.client("budgets").create_budget(
        AccountId=account,
        Budget={"BudgetName": full, "BudgetLimit": limit, "CostFilters": filters, **pascal(inputs)},
        NotificationsWithSubscribers=told,
    )
    return f"{account}:{full}", {}


def _notification(one: Inputs) -> dict[str, Any]:
    mails = one.pop("subscriberEmailAddresses", [])
    topics = one.pop("subscriberSnsTopicArns", [])
    subscribers = [("EMAIL", address) for address in mails] + [("SNS", arn) for arn in topics]
    assert 1 <= len(subscribers) <= 11, "AWS Budgets takes ten mails and one topic"
    return {
        "Notification": pascal(one),
        "Subscribers": [{"SubscriptionType": kind, "Address": address} for kind, address in subscribers],
    }


@makes("aws:costexplorer/anomalyMonitor:AnomalyMonitor")
def anomaly_monitor(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    monitor = {
        "MonitorName": inputs.pop("name"),
        "MonitorType": inputs.pop("monitorType"),
        "MonitorSpecification": json.loads(inputs.pop("monitorSpecification")),
    }
    assert not inputs
    made = maybe(cloud.client("ce").create_anomaly_monitor, AnomalyMonitor=monitor)
    return made["MonitorArn"], {"arn": made["MonitorArn"]}


@makes("aws:costexplorer/anomalySubscription:AnomalySubscription")
def anomaly_subscription(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    subscription = {
        "SubscriptionName": inputs.pop("name"),
        "Frequency": inputs.pop("frequency"),
        "MonitorArnList": inputs.pop("monitorArnLists"),
        "Subscribers": pascal(inputs.pop("subscribers")),
        "ThresholdExpression": {"Dimensions": pascal(inputs.pop("thresholdExpression")["dimension"])},
    }
    assert not inputs
    made = maybe(cloud.client("ce").create_anomaly_subscription, AnomalySubscription=subscription)
    return made["SubscriptionArn"], {}


@makes("aws:secretsmanager/secret:Secret")
def secret(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("name", None) or physical(name, 512)
    request = {
        key[0].upper() + key[1:]: inputs.pop(key) for key in ("kmsKeyId", "description") if key in inputs
    }
    given = tags(inputs.pop("tags", None))
    made = cloud.client("secretsmanager").create_secret(
        Name=full, **request, **({"Tags": given} if given else {})
    )
    inputs.pop("recoveryWindowInDays", None)
    return spent(inputs, made["ARN"], arn=made["ARN"])
