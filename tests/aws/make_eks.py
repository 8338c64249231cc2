"""EKS: the cluster, its add-ons, identities and nodes."""

from __future__ import annotations

from tests.aws.cloud import Cloud, Inputs, Made, makes, maybe, physical
from tests.aws.make_ec2 import spent


@makes("aws:eks/cluster:Cluster")
def cluster(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    logs = {"clusterLogging": [{"types": inputs.pop("enabledClusterLogTypes"), "enabled": True}]}
    encryption = inputs.pop("encryptionConfig")
    request = {
        "resourcesVpcConfig": inputs.pop("vpcConfig"),
        "logging": logs,
        "encryptionConfig": [encryption],
        **inputs,
    }
    made = cloud.client("eks").create_cluster(**request)["cluster"]
    group = cloud.client("ec2").create_security_group(
        GroupName=f"eks-{made['name']}",
        Description="as EKS makes one",
        VpcId=_vpc_of(cloud, request["resourcesVpcConfig"]["subnetIds"]),
    )
    outputs = {
        "name": made["name"],
        "endpoint": made["endpoint"],
        "certificateAuthority": made["certificateAuthority"],
        "vpcConfig": {**request["resourcesVpcConfig"], "clusterSecurityGroupId": group["GroupId"]},
    }
    return made["name"], outputs


def _vpc_of(cloud: Cloud, subnets: list[str]) -> str:
    found = cloud.client("ec2").describe_subnets(SubnetIds=subnets)["Subnets"]
    assert len({subnet["AvailabilityZoneId"] for subnet in found}) >= 2, "EKS wants two zones"
    (vpc,) = {subnet["VpcId"] for subnet in found}
    return str(vpc)


@makes("aws:eks/nodeGroup:NodeGroup")
def node_group(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    renamed = {
        "nodeRoleArn": "nodeRole",
        "subnetIds": "subnets",
    }
    request = {renamed.get(key, key): value for key, value in inputs.items()}
    request["scalingConfig"] = {
        key: request["scalingConfig"][key] for key in ("minSize", "maxSize", "desiredSize")
    }
    if isinstance(request.get("warmPoolConfig"), dict):
        request["warmPoolConfig"] = dict(request["warmPoolConfig"])
    full = request.pop("nodeGroupName", None) or physical(name, 63)
    cloud.client("eks").create_nodegroup(nodegroupName=full, **request)
    groups = [{"autoscalingGroups": [{"name": f"eks-{full}"}]}]
    _scaling_group(cloud, f"eks-{full}", request)
    return f"{request['clusterName']}:{full}", {"nodeGroupName": full, "resources": groups}


def _scaling_group(cloud: Cloud, name: str, request: Inputs) -> None:
    """EKS makes one; moto does not, and the tags that follow are put on it."""
    template = request["launchTemplate"]
    # a template without an image is completed by EKS; this stand-in has one of its own
    cloud.client("autoscaling").create_launch_configuration(
        LaunchConfigurationName=name, ImageId="ami-12c6146b", InstanceType="m5.large"
    )
    assert template["id"].startswith("lt-")
    cloud.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchConfigurationName=name,
        MinSize=0,
        MaxSize=request["scalingConfig"]["maxSize"],
        DesiredCapacity=0,
        VPCZoneIdentifier=",".join(request["subnets"]),
    )


@makes("aws:autoscaling/tag:Tag")
def group_tag(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    group, tag = inputs.pop("autoscalingGroupName"), inputs.pop("tag")
    found = {
        "ResourceId": group,
        "ResourceType": "auto-scaling-group",
        "Key": tag["key"],
        "Value": tag["value"],
        "PropagateAtLaunch": tag["propagateAtLaunch"],
    }
    cloud.client("autoscaling").create_or_update_tags(Tags=[found])
    return spent(inputs, f"{group},{tag['key']}")


@makes("aws:eks/addon:Addon")
def addon(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    create = inputs.pop("resolveConflictsOnCreate")
    assert inputs.pop("resolveConflictsOnUpdate") in ("OVERWRITE", "NONE", "PRESERVE")
    maybe(cloud.client("eks").create_addon, resolveConflicts=create, **inputs)
    return f"{inputs['clusterName']}:{inputs['addonName']}", {}


@makes("aws:eks/podIdentityAssociation:PodIdentityAssociation")
def pod_identity(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    made = maybe(cloud.client("eks").create_pod_identity_association, **inputs)
    return made["association"]["associationId"], {}


@makes("aws:eks/accessEntry:AccessEntry")
def access_entry(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    maybe(cloud.client("eks").create_access_entry, **inputs)
    return f"{inputs['clusterName']}:{inputs['principalArn']}", {}


@makes("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
def access_policy(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    maybe(cloud.client("eks").associate_access_policy, **inputs)
    return f"{inputs['clusterName']}:{inputs['principalArn']}", {}
