"""RDS: the gateway's database, on its subnets and parameters."""

from __future__ import annotations

from tests.aws.cloud import Cloud, Inputs, Made, makes, physical
from tests.aws.make_ec2 import spent
from tests.aws.shapes import pascal


@makes("aws:rds/subnetGroup:SubnetGroup")
def subnet_group(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = physical(name, 255)
    cloud.client("rds").create_db_subnet_group(
        DBSubnetGroupName=full,
        DBSubnetGroupDescription=inputs.pop("description"),
        SubnetIds=inputs.pop("subnetIds"),
    )
    return spent(inputs, full, name=full)


@makes("aws:rds/parameterGroup:ParameterGroup")
def parameter_group(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full, rds = physical(name, 255), cloud.client("rds")
    rds.create_db_parameter_group(
        DBParameterGroupName=full,
        DBParameterGroupFamily=inputs.pop("family"),
        Description=inputs.pop("description"),
    )
    parameters = [
        {"ParameterName": one["name"], "ParameterValue": one["value"], "ApplyMethod": "immediate"}
        for one in inputs.pop("parameters")
    ]
    rds.modify_db_parameter_group(DBParameterGroupName=full, Parameters=parameters)
    return spent(inputs, full, name=full)


@makes("aws:rds/instance:Instance")
def instance(cloud: Cloud, name: str, inputs: Inputs) -> Made:
    full = inputs.pop("identifier", None) or physical(name, 63)
    # how it goes, and when changes are made, is asked of the API at its end only
    for later in ("skipFinalSnapshot", "finalSnapshotIdentifier", "applyImmediately"):
        inputs.pop(later, None)
    renamed = {
        "allocatedStorage": "AllocatedStorage",
        "caCertIdentifier": "CACertificateIdentifier",
        "dbName": "DBName",
        "dbSubnetGroupName": "DBSubnetGroupName",
        "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
        "instanceClass": "DBInstanceClass",
        "multiAz": "MultiAZ",
        "parameterGroupName": "DBParameterGroupName",
        "password": "MasterUserPassword",
        "performanceInsightsEnabled": "EnablePerformanceInsights",
        "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
        "username": "MasterUsername",
    }
    request = pascal(inputs, renamed)
    made = cloud.client("rds").create_db_instance(DBInstanceIdentifier=full, **request)["DBInstance"]
    host = made.get("Endpoint", {}).get("Address", f"{full}.{cloud.region}.rds.amazonaws.com")
    return full, {"address": host, "arn": made["DBInstanceArn"]}
