"""E-mail that a topic of alerts sends to a subscriber."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, bill, lines, resource

from inferstack.resources import UNKNOWN

KIND = "aws:sns/topicSubscription:TopicSubscription"


def test_mails_by_hand() -> None:
    # 500 of 100,000 at $2.00
    found = lines(resource(KIND, "mail", {"protocol": "email"}, parent=ENVIRONMENT))
    assert [str(line.monthly) for line in found] == ["0.01"]
    assert found[0].usage_based


def test_other_subscribers_cost_nothing() -> None:
    assert bill(resource(KIND, "mail", {"protocol": "sqs"}, parent=ENVIRONMENT)).resources == ()


def test_an_unknown_protocol_may_be_mail() -> None:
    assert [
        str(line.monthly) for line in lines(resource(KIND, "mail", {"protocol": UNKNOWN}, parent=ENVIRONMENT))
    ] == ["0.01"]
