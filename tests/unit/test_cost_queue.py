"""SQS queues: one reader that waits twenty seconds a request."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, UNPRICED, amounts, lines, resource

QUEUE = resource("aws:sqs/queue:Queue", "notices", {"name": "notices"}, parent=ENVIRONMENT)


def test_a_month_of_long_polls_by_hand() -> None:
    # 730 h x 3,600 s / 20 s = 131,400 requests; 0.1314 million x $0.40 = $0.05256
    assert amounts(QUEUE) == ["0.05"]
    (line,) = lines(QUEUE)
    assert line.usage_based
    assert "20 s" in (line.assumption or "")


def test_a_region_without_a_price_is_a_gap() -> None:
    assert amounts(QUEUE, region=UNPRICED) == [None]
