"""VPC endpoints: interface endpoints cost by zone and volume; gateway endpoints are free."""

from __future__ import annotations

import pytest
from cost_graphs import ENVIRONMENT, amounts, bill, lines, resource

from inferstack.resources import UNKNOWN, Resource


def endpoint(**inputs: object) -> Resource:
    stated = {
        "vpcEndpointType": "Interface",
        "serviceName": "com.amazonaws.eu-central-1.ecr.api",
        "subnetIds": [UNKNOWN, UNKNOWN, UNKNOWN],
        **inputs,
    }
    return resource("aws:ec2/vpcEndpoint:VpcEndpoint", "ecr", stated, parent=ENVIRONMENT)


def test_an_interface_costs_by_zone_even_while_the_subnets_are_unknown() -> None:
    # 3 zones x 730 h x $0.01; 3 zones x 5 GB x $0.02
    assert amounts(endpoint()) == ["21.90", "0.30"]


def test_the_service_is_named() -> None:
    assert lines(endpoint())[0].label == "Interface endpoint ecr.api, per zone"


@pytest.mark.parametrize("kind", ["Gateway", None])
def test_a_gateway_endpoint_is_free(kind: str | None) -> None:
    found = bill(endpoint(vpcEndpointType=kind))
    assert found.resources == ()
    assert found.free == 1


def test_another_kind_is_a_gap() -> None:
    assert amounts(endpoint(vpcEndpointType="GatewayLoadBalancer")) == [None]


def test_an_unknown_kind_or_number_of_zones_is_a_gap() -> None:
    assert amounts(endpoint(vpcEndpointType=UNKNOWN)) == [None]
    assert amounts(endpoint(subnetIds=UNKNOWN)) == [None, None]
