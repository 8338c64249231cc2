"""ECR repositories: stored layers."""

from __future__ import annotations

from cost_graphs import ENVIRONMENT, UNPRICED, amounts, bill, lines, resource

REPOSITORY = resource("aws:ecr/repository:Repository", "vllm", {"name": "x/vllm"}, parent=ENVIRONMENT)


def test_the_assumed_layers_by_hand() -> None:
    # 10 GB x $0.10
    assert amounts(REPOSITORY) == ["1.00"]
    assert lines(REPOSITORY)[0].usage_based


def test_a_region_without_a_price_is_a_gap() -> None:
    assert amounts(REPOSITORY, region=UNPRICED) == [None]


def test_rules_and_lifecycles_are_free() -> None:
    kinds = ("aws:ecr/pullThroughCacheRule:PullThroughCacheRule", "aws:ecr/lifecyclePolicy:LifecyclePolicy")
    found = bill(*(resource(kind, parent=ENVIRONMENT) for kind in kinds))
    assert not found.resources
    assert not found.not_priced
