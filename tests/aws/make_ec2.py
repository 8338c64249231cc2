"""EC2: networks, launch templates, logs of flows."""

from __future__ import annotations

from typing import Any

from tests.aws.cloud import Cloud, Inputs, Made, makes, maybe, physical
from tests.aws.shapes import pascal, tagged, tags


@makes("aws:ec2/vpc:Vpc")
def vpc(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    ec2 = cloud.client("ec2")
    made = ec2.create_vpc(CidrBlock=inputs.pop("cidrBlock"), **tagged("vpc", inputs.pop("tags")))["Vpc"][
        "VpcId"
    ]
    for key in ("enableDnsSupport", "enableDnsHostnames"):
        ec2.modify_vpc_attribute(VpcId=made, **{key[0].upper() + key[1:]: {"Value": inputs.pop(key)}})
    return spent(inputs, made)


def spent(inputs: Inputs, identity: str, **outputs: Any) -> Made:
    """Every input must have reached the API."""
    assert not inputs, f"never sent: {inputs}"
    return identity, outputs


@makes("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
def default_security_group(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    """Takes the VPC's own group and empties it."""
    ec2 = cloud.client("ec2")
    here = [
        {"Name": "vpc-id", "Values": [inputs.pop("vpcId")]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    (group,) = ec2.describe_security_groups(Filters=here)["SecurityGroups"]
    if group["IpPermissionsEgress"]:
        ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])
    return spent(inputs, group["GroupId"])


@makes("aws:ec2/subnet:Subnet")
def subnet(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    ec2, public = cloud.client("ec2"), inputs.pop("mapPublicIpOnLaunch")
    request = pascal({key: inputs.pop(key) for key in ("vpcId", "availabilityZoneId", "cidrBlock")})
    made = ec2.create_subnet(**request, **tagged("subnet", inputs.pop("tags")))["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=made, MapPublicIpOnLaunch={"Value": public})
    return spent(inputs, made)


@makes("aws:ec2/internetGateway:InternetGateway")
def internet_gateway(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    ec2 = cloud.client("ec2")
    made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=inputs.pop("vpcId"))
    return spent(inputs, made)


@makes("aws:ec2/routeTable:RouteTable")
def route_table(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    request = tagged("route-table", inputs.pop("tags"))
    made = cloud.client("ec2").create_route_table(VpcId=inputs.pop("vpcId"), **request)
    return spent(inputs, made["RouteTable"]["RouteTableId"])


@makes("aws:ec2/routeTableAssociation:RouteTableAssociation")
def route_table_association(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    return cloud.client("ec2").associate_route_table(**pascal(inputs))["AssociationId"], {}


@makes("aws:ec2/route:Route")
def route(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    cloud.client("ec2").create_route(**pascal(inputs))
    return f"{inputs['routeTableId']}-{inputs['destinationCidrBlock']}", {}


@makes("aws:ec2/eip:Eip")
def eip(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    tags = tagged("elastic-ip", inputs.pop("tags"))
    made = cloud.client("ec2").allocate_address(Domain=inputs.pop("domain"), **tags)
    return spent(inputs, made["AllocationId"])


@makes("aws:ec2/natGateway:NatGateway")
def nat_gateway(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    tags = tagged("natgateway", inputs.pop("tags"))
    if inputs.get("availabilityMode") == "regional":
        # the API's model has it, moto has not: botocore checks it and the request goes no further
        return _regional_nat(cloud, inputs, tags)
    made = cloud.client("ec2").create_nat_gateway(**pascal(inputs), **tags)
    return made["NatGateway"]["NatGatewayId"], {}


def _regional_nat(cloud: Cloud, inputs: Inputs, tags: dict[str, Any]) -> Made:
    """moto wants a subnet, so one of the VPC stands in; AWS refuses a subnet here."""
    ec2 = cloud.client("ec2")
    request = {**pascal(inputs), **tags}
    operation = ec2.meta.service_model.operation_model("CreateNatGateway")
    from botocore.validate import validate_parameters

    validate_parameters(request, operation.input_shape)
    here = [{"Name": "vpc-id", "Values": [inputs["vpcId"]]}]
    stand_in = ec2.describe_subnets(Filters=here)["Subnets"][0]["SubnetId"]
    address = inputs["availabilityZoneAddresses"][0]["allocationIds"][0]
    made = ec2.create_nat_gateway(SubnetId=stand_in, AllocationId=address, **tags)
    return made["NatGateway"]["NatGatewayId"], {}


@makes("aws:ec2/securityGroup:SecurityGroup")
def security_group(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    ec2 = cloud.client("ec2")
    made = ec2.create_security_group(
        GroupName=physical(name, 255), VpcId=inputs.pop("vpcId"), Description=inputs.pop("description")
    )["GroupId"]
    ingress = [_permission(made, rule) for rule in inputs.pop("ingress", [])]
    egress = [_permission(made, rule) for rule in inputs.pop("egress", [])]
    if ingress:
        ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=ingress)
    if egress:
        ec2.authorize_security_group_egress(GroupId=made, IpPermissions=egress)
    if given := inputs.pop("tags", None):
        ec2.create_tags(Resources=[made], Tags=tags(given))
    return spent(inputs, made)


def _permission(group: str, rule: Inputs) -> dict[str, Any]:
    rule = dict(rule)
    request = {
        "IpProtocol": rule.pop("protocol"),
        "FromPort": rule.pop("fromPort"),
        "ToPort": rule.pop("toPort"),
    }
    if cidrs := rule.pop("cidrBlocks", None):
        request["IpRanges"] = [{"CidrIp": cidr} for cidr in cidrs]
    groups = [*rule.pop("securityGroups", []), *([group] if rule.pop("self", False) else [])]
    if groups:
        request["UserIdGroupPairs"] = [{"GroupId": one} for one in groups]
    rule.pop("description", None)
    assert not rule, f"never sent: {rule}"
    return request


@makes("aws:ec2/vpcEndpoint:VpcEndpoint")
def vpc_endpoint(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    request = pascal(inputs)
    return cloud.client("ec2").create_vpc_endpoint(**request)["VpcEndpoint"]["VpcEndpointId"], {}


@makes("aws:ec2/flowLog:FlowLog")
def flow_log(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    renamed = {"iamRoleArn": "DeliverLogsPermissionArn"}
    request = {"ResourceIds": [inputs.pop("vpcId")], "ResourceType": "VPC"}
    made = cloud.client("ec2").create_flow_logs(**request, **pascal(inputs, renamed))
    assert not made["Unsuccessful"], made["Unsuccessful"]
    return made["FlowLogIds"][0], {}


@makes("aws:ec2/placementGroup:PlacementGroup")
def placement_group(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    group = physical(name, 255)
    maybe(cloud.client("ec2").create_placement_group, GroupName=group, **pascal(inputs))
    return group, {}


@makes("aws:ec2/launchTemplate:LaunchTemplate")
def launch_template(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    assert inputs.pop("updateDefaultVersion") is True
    data = pascal(inputs, {"securityGroups": "Groups", "tags": "tags"})
    for specification in data.get("TagSpecifications", []):
        specification["Tags"] = tags(specification.pop("tags"))
    made = cloud.client("ec2").create_launch_template(
        LaunchTemplateName=physical(name, 128), LaunchTemplateData=data
    )["LaunchTemplate"]
    return made["LaunchTemplateId"], {"latestVersion": made["LatestVersionNumber"]}


@makes("aws:ec2/capacityReservation:CapacityReservation")
def capacity_reservation(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    made = maybe(cloud.client("ec2").create_capacity_reservation, **pascal(inputs))
    return made["CapacityReservation"]["CapacityReservationId"], {}
