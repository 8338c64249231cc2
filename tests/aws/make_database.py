"""RDS: the gateway's database, its subnets and its parameters."""

from __future__ import annotations

from tests.aws.cloud import Cloud, Inputs, Made, makes
from tests.aws.make_ec2 import spent
from tests.aws.shapes import pascal

OWN = {
    "allocatedStorage": "AllocatedStorage",
    "instanceClass": "DBInstanceClass",
    "dbName": "DBName",
    "dbSubnetGroupName": "DBSubnetGroupName",
    "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
    "multiAz": "MultiAZ",
    "parameterGroupName": "DBParameterGroupName",
    "password": "MasterUserPassword",
    "username": "MasterUsername",
}
"""Where the API's name is not the provider's in PascalCase."""


@makes("aws:rds/subnetGroup:SubnetGroup")
def subnet_group(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    cloud.client("rds").create_db_subnet_group(
        DBSubnetGroupName=name,
        DBSubnetGroupDescription=inputs.pop("description"),
        SubnetIds=inputs.pop("subnetIds"),
    )
    return spent(inputs, name, name=name)


@makes("aws:rds/parameterGroup:ParameterGroup")
def parameter_group(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    rds = cloud.client("rds")
    rds.create_db_parameter_group(
        DBParameterGroupName=name,
        DBParameterGroupFamily=inputs.pop("family"),
        Description=inputs.pop("description"),
    )
    parameters = [
        {"ParameterName": item["name"], "ParameterValue": item["value"], "ApplyMethod": "immediate"}
        for item in inputs.pop("parameters")
    ]
    rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=parameters)
    return spent(inputs, name, name=name)


@makes("aws:rds/instance:Instance")
def instance(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    # these two are of its deletion
    inputs.pop("skipFinalSnapshot")
    inputs.pop("finalSnapshotIdentifier", None)
    made = cloud.client("rds").create_db_instance(DBInstanceIdentifier=name, **pascal(inputs, OWN))[
        "DBInstance"
    ]
    address = f"{name}.abcdef.{cloud.region}.rds.amazonaws.com"
    return name, {"arn": made["DBInstanceArn"], "address": address}
