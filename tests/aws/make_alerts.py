"""Managed Prometheus' rules and routes, topics, alarms."""

from __future__ import annotations

from tests.aws.cloud import Cloud, Inputs, Made, makes, maybe, physical
from tests.aws.make_ec2 import spent
from tests.aws.shapes import pascal


@makes("aws:amp/ruleGroupNamespace:RuleGroupNamespace")
def rule_groups(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    made = cloud.client("amp").create_rule_groups_namespace(
        workspaceId=inputs.pop("workspaceId"), name=inputs.pop("name"), data=inputs.pop("data").encode()
    )
    return spent(inputs, made["arn"], arn=made["arn"])


@makes("aws:amp/alertManagerDefinition:AlertManagerDefinition")
def alert_manager(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    workspace, definition = inputs.pop("workspaceId"), inputs.pop("definition").encode()
    assert not inputs
    maybe(cloud.client("amp").create_alert_manager_definition, workspaceId=workspace, data=definition)
    return workspace, {}


@makes("aws:amp/workspaceConfiguration:WorkspaceConfiguration")
def workspace_configuration(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    maybe(cloud.client("amp").update_workspace_configuration, **inputs)
    return str(inputs["workspaceId"]), {}


@makes("aws:sns/topic:Topic")
def topic(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    arn = cloud.client("sns").create_topic(Name=inputs.pop("name"))["TopicArn"]
    return spent(inputs, arn, arn=arn)


@makes("aws:sns/topicPolicy:TopicPolicy")
def topic_policy(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    arn, policy = inputs.pop("arn"), inputs.pop("policy")
    cloud.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return spent(inputs, arn)


@makes("aws:sns/topicSubscription:TopicSubscription")
def subscription(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    made = cloud.client("sns").subscribe(
        TopicArn=inputs.pop("topic"), Protocol=inputs.pop("protocol"), Endpoint=inputs.pop("endpoint")
    )
    return spent(inputs, made["SubscriptionArn"])


@makes("aws:cloudwatch/metricAlarm:MetricAlarm")
def metric_alarm(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("name", None) or physical(name, 255)
    dimensions = [{"Name": key, "Value": value} for key, value in inputs.pop("dimensions", {}).items()]
    renamed = {"okActions": "OKActions"}
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=full, Dimensions=dimensions, **pascal(inputs, renamed)
    )
    return full, {}
