"""S3 buckets: the weights of the served models, in the store and in each of its replicas."""

from __future__ import annotations

from decimal import Decimal

from cost_graphs import ENVIRONMENT, bill, resource, workload

from inferstack.resources import UNKNOWN, Resource

STORE = resource("inferstack:index:ModelStore", "models", {"bucket": "b"}, parent=ENVIRONMENT)
BUCKET = resource("aws:s3/bucket:Bucket", "models", parent=STORE.urn)


def of_bucket(*others: Resource) -> list[str | None]:
    (found,) = [cost for cost in bill(STORE, BUCKET, *others).resources if cost.urn == BUCKET.urn]
    return [None if line.monthly is None else str(line.monthly) for line in found.lines]


def test_the_store_holds_the_weights_of_all_workloads() -> None:
    # 8 B parameters x 2 bytes = 16 GB, 32 B x 2 = 64 GB; 80 GB x $0.02
    other = workload("code", model="Qwen/Qwen3-32B", checkpoint="Qwen/Qwen3-32B", paramsB="32")
    assert of_bucket(workload(), other) == ["1.60"]


def test_a_checkpoint_that_two_workloads_serve_is_kept_once() -> None:
    assert of_bucket(workload(), workload("again")) == ["0.32"]


def test_a_quantized_checkpoint_is_smaller() -> None:
    (whole,), (half,) = of_bucket(workload()), of_bucket(workload(quantization="fp8"))
    assert Decimal(half or "0") < Decimal(whole or "0")


def test_a_model_outside_the_catalog_is_taken_as_sixteen_bit() -> None:
    assert of_bucket(workload(model="acme/own", quantization="fp8")) == ["0.32"]


def test_weights_of_unstated_size_are_a_gap() -> None:
    assert of_bucket(workload(paramsB=UNKNOWN)) == [None]


def test_another_bucket_is_assumed_small() -> None:
    other = resource("aws:s3/bucket:Bucket", "else", parent=ENVIRONMENT)
    (found,) = bill(other).resources
    assert [str(line.monthly) for line in found.lines] == ["0.20"]
    assert found.lines[0].usage_based
