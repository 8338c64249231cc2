"""Load balancers, made by the stack or by the controller for an Ingress or a Service."""

from __future__ import annotations

import pytest
from cost_graphs import ENVIRONMENT, amounts, bill, lines, resource, workload

from inferstack.resources import UNKNOWN, Resource

INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
SERVICE = "kubernetes:core/v1:Service"


def ingress(scheme: object = "internal", name: object = "alb") -> Resource:
    annotations = {"alb.ingress.kubernetes.io/scheme": scheme}
    inputs = {"metadata": {"annotations": annotations}, "spec": {"ingressClassName": name}}
    return resource(INGRESS, "gateway", inputs, parent=ENVIRONMENT)


def test_an_internal_balancer_is_hours_and_units_of_traffic() -> None:
    # 730 h x $0.02. A month has 730,000 requests: 730 M tokens in x 5 B + 146 M out x 250 B = 40.15 GB,
    # which is 0.055 GB an hour and more than the connections need: 40.15 unit hours x $0.01
    assert amounts(ingress(), workload()) == ["14.60", "0.40"]


def test_a_public_balancer_also_pays_for_an_address_in_each_zone() -> None:
    assert amounts(ingress("internet-facing"), workload()) == ["14.60", "0.40", "10.95"]


def test_many_connections_need_more_units_than_their_bytes() -> None:
    # 7.3 M requests of no tokens, 10 a connection: 730,000 connections / 25 a second and unit / 3600
    busy = workload(requestsPerDay="240000", inputTokens="0", outputTokens="0")
    assert str(lines(ingress(), busy)[1].quantity)[:6] == "8.1111"


def test_traffic_that_is_not_stated_is_a_gap() -> None:
    assert amounts(ingress(), workload(requestsPerDay=UNKNOWN)) == ["14.60", None]


def test_an_ingress_of_another_class_makes_no_load_balancer() -> None:
    assert bill(ingress(name="nginx")).resources == ()


@pytest.mark.parametrize(("kind", "count"), [("LoadBalancer", 1), ("ClusterIP", 0), (None, 0)])
def test_only_a_service_of_that_type_makes_a_load_balancer(kind: str | None, count: int) -> None:
    service = resource(SERVICE, "s", {"spec": {"type": kind}}, parent=ENVIRONMENT)
    assert len(bill(service).resources) == count


def test_a_service_of_unknown_type_is_not_taken_for_free() -> None:
    service = resource(SERVICE, "s", {"spec": {"type": UNKNOWN}}, parent=ENVIRONMENT)
    assert len(bill(service).resources) == 1


def test_balancers_of_the_stack_itself_are_priced_by_family() -> None:
    network = resource(
        "aws:lb/loadBalancer:LoadBalancer",
        "nlb",
        {"loadBalancerType": "network", "internal": True},
        parent=ENVIRONMENT,
    )
    assert amounts(network, workload())[0] == "21.90"


def test_another_family_is_a_gap() -> None:
    other = resource(
        "aws:lb/loadBalancer:LoadBalancer", "glb", {"loadBalancerType": "gateway"}, parent=ENVIRONMENT
    )
    assert amounts(other) == [None]
