"""Guards of the account: the boundary of roles, and who hears about money."""

from __future__ import annotations

import json

import pytest

from inferstack.engine.graph import Graph
from tests.components import builders
from tests.components.running import build, deploy, one, preview
from tests.components.sdk import mismatches

ROLE = "aws:iam/role:Role"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"


@pytest.mark.parametrize("build_arguments", [builders.prod, builders.groups, builders.adopted_cluster])
def test_every_role_made_is_bounded_when_asked(build_arguments: object) -> None:
    graph = preview(build(build_arguments(safety={"permissionsBoundary": BOUNDARY})))  # type: ignore[operator]
    roles = graph.of_type(ROLE)
    assert len(roles) >= 5
    assert {role.inputs.get("permissionsBoundary") for role in roles} == {BOUNDARY}


def test_replication_and_managed_prometheus_make_bounded_roles_too() -> None:
    graph = preview(
        build(
            builders.prod(
                safety={"permissionsBoundary": BOUNDARY},
                modelStore={"replicaRegions": ["eu-west-1"]},
                monitoring={"stack": "amp"},
            )
        )
    )
    assert {role.inputs.get("permissionsBoundary") for role in graph.of_type(ROLE)} == {BOUNDARY}


MAIL, TOPIC = "finops@example.eu", "arn:aws:sns:eu-central-1:123456789012:money"


def spending(**safety: object) -> dict[tuple[str, str], dict[str, object]]:
    recorder = deploy(build(builders.prod(safety=safety, budget={"monthlyUsd": 90000.5})))
    return {
        (item.typ.rpartition(":")[2], item.name): item.inputs
        for item in recorder.resources
        if item.typ.startswith(("aws:budgets", "aws:costexplorer"))
    }


class TestSpending:
    def test_nobody_to_tell_means_no_alarms(self, prod: Graph) -> None:
        assert not [item for item in prod if "spending" in item.name]

    def test_the_budget_is_the_environments_and_told_before_during_and_after(self) -> None:
        budget = spending(emails=[MAIL], topicArn=TOPIC)["Budget", "prod-eu-spending"]
        assert (budget["limitAmount"], budget["limitUnit"], budget["timeUnit"]) == (
            "90000.5",
            "USD",
            "MONTHLY",
        )
        assert budget["accountId"] == "123456789012"
        assert budget["costFilters"] == [
            {"name": "TagKeyValue", "values": ["user:inferstack.dev/environment$prod-eu"]}
        ]
        told = [
            (
                one["notificationType"],
                one["threshold"],
                one["subscriberEmailAddresses"],
                one["subscriberSnsTopicArns"],
            )
            for one in budget["notifications"]  # type: ignore[attr-defined]
        ]
        assert told == [
            ("ACTUAL", 80, [MAIL], [TOPIC]),
            ("ACTUAL", 100, [MAIL], [TOPIC]),
            ("FORECASTED", 100, [MAIL], [TOPIC]),
        ]

    def test_unusual_spending_goes_to_topics_at_once_and_by_mail_daily(self) -> None:
        made = spending(emails=[MAIL], topicArn=TOPIC, anomalyUsd=250)
        watched = made["AnomalyMonitor", "prod-eu-spending"]
        assert json.loads(str(watched["monitorSpecification"])) == {
            "Tags": {
                "Key": "inferstack.dev/environment", "Values": ["prod-eu"], "MatchOptions": ["EQUALS"],
            }
        }  # fmt: skip
        mail = made["AnomalySubscription", "prod-eu-spending-mail"]
        topic = made["AnomalySubscription", "prod-eu-spending-topic"]
        assert (mail["frequency"], mail["subscribers"]) == ("DAILY", [{"type": "EMAIL", "address": MAIL}])
        assert (topic["frequency"], topic["subscribers"]) == (
            "IMMEDIATE",
            [{"type": "SNS", "address": TOPIC}],
        )
        for subscription in (mail, topic):
            assert subscription["monitorArnLists"] == ["arn:fake:prod-eu-spending"]
            assert subscription["thresholdExpression"]["dimension"]["values"] == ["250"]  # type: ignore[index]

    def test_only_who_is_named_is_told(self) -> None:
        made = spending(topicArn=TOPIC)
        assert {name for _, name in made} == {"prod-eu-spending", "prod-eu-spending-topic"}
        notification = made["Budget", "prod-eu-spending"]["notifications"][0]  # type: ignore[index]
        assert "subscriberEmailAddresses" not in notification

    def test_without_a_budget_unusual_spending_is_still_told(self) -> None:
        graph = preview(build(builders.dev(safety={"emails": [MAIL]})))
        assert graph.of_type("aws:budgets/budget:Budget") == ()
        assert one(graph, "aws:costexplorer/anomalySubscription:AnomalySubscription")
        facts = one(graph, "inferstack:index:Spending").inputs
        assert facts == {"environment": "dev", "anomalyUsd": "100", "emails": [MAIL]}

    def test_every_input_is_known_to_the_sdk(self) -> None:
        graph = preview(
            build(
                builders.prod(
                    safety={"emails": [MAIL], "topicArn": TOPIC, "permissionsBoundary": BOUNDARY},
                    budget={"monthlyUsd": 90000},
                    network={"nat": "regional", "flowLogsTo": "s3"},
                )
            )
        )
        kinds = ("aws:budgets", "aws:costexplorer", "aws:ec2", "aws:s3", "aws:iam")
        for item in graph.managed():
            if item.type.startswith(kinds):
                assert mismatches(item.type, item.inputs) == []
