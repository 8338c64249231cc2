"""A Pulumi provider for tests: echoes inputs as outputs and creates nothing.

Run as a plugin (`pulumi-resource-<name>`): prints its port and serves until it is stopped. In preview,
outputs that are not inputs are left out, which the engine takes as unknown, as real providers do. Once created,
a resource has the computed outputs that the program reads (``COMPUTED``); inputs in ``REPLACES`` force a
replacement, as they do in AWS.

``ECHO_LOG`` names a file that gets a line for each thing done (operation, URN); ``ECHO_DELAY_S`` makes each
creation last, ``ECHO_FAIL`` makes the creation of a name fail.
"""

# ruff: noqa: N802  the wire names of the provider service

from __future__ import annotations

import os
import sys
import time
import uuid
from concurrent import futures
from pathlib import Path

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

COMPUTED = {
    "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
    "aws:eks/cluster:Cluster": {
        "endpoint": "https://cluster.test",
        "certificateAuthority": {"data": "dGVzdA=="},
        "vpcConfig": {"clusterSecurityGroupId": "sg-cluster"},
        "identities": [{"oidcs": [{"issuer": "https://issuer.test/id"}]}],
    },
    "aws:kms/key:Key": {"keyId": "00000000-0000-0000-0000-000000000000"},
    "aws:acm/certificate:Certificate": {
        "domainValidationOptions": [
            {"resourceRecordName": "_x", "resourceRecordType": "CNAME", "resourceRecordValue": "_y"}
        ]
    },
}
"""Type → outputs beside the inputs; an object is merged into the input of its name."""
REPLACES = {
    "aws:eks/nodeGroup:NodeGroup": {"amiType", "capacityType", "clusterName", "instanceTypes", "subnetIds"},
    "aws:eks/cluster:Cluster": {"name", "roleArn"},
    "aws:ec2/vpc:Vpc": {"cidrBlock"},
    "aws:s3/bucket:Bucket": {"bucket"},
}


def merged(properties, more):
    """The properties with more below them."""
    result = struct_pb2.Struct()
    result.CopyFrom(properties)
    for key, value in more.items():
        if isinstance(value, dict) and key in result.fields:
            result.fields[key].struct_value.update(value)
        else:
            result.update({key: value})
    return result


def note(operation, urn):
    file = os.environ.get("ECHO_LOG")
    if file:
        with Path(file).open("a", encoding="utf-8") as log:
            log.write(f"{operation}\t{urn}\n")


class Echo(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, version: str) -> None:
        self._version = version

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version=self._version)

    def GetSchema(self, request, context):
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request, context):
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request, context):
        return self.Diff(request, context)

    def Configure(self, request, context):
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Check(self, request, context):
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request, context):
        old = request.old_inputs.fields if request.old_inputs.fields else request.olds.fields
        changed = [
            key for key in {*old, *request.news.fields} if old.get(key) != request.news.fields.get(key)
        ]
        kinds = provider_pb2.DiffResponse
        return kinds(
            changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE,
            diffs=sorted(changed),
            replaces=sorted(set(changed) & REPLACES.get(request.type, set())),
        )

    def Create(self, request, context):
        if request.preview:
            return provider_pb2.CreateResponse(id="", properties=request.properties)
        note("creating", request.urn)
        time.sleep(float(os.environ.get("ECHO_DELAY_S", "0")))
        if request.urn.rpartition("::")[2] == os.environ.get("ECHO_FAIL"):
            context.abort(grpc.StatusCode.UNKNOWN, "InsufficientInstanceCapacity: no such capacity")
        note("created", request.urn)
        name = request.urn.rpartition("::")[2]
        computed = (
            {"arn": f"arn:aws:test:us-west-2:111122223333:{name}"} if request.type.startswith("aws:") else {}
        )
        return provider_pb2.CreateResponse(
            id=uuid.uuid4().hex,
            properties=merged(request.properties, computed | COMPUTED.get(request.type, {})),
        )

    def Read(self, request, context):
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request, context):
        computed = {
            key: value for key, value in request.olds.fields.items() if key not in request.news.fields
        }
        properties = struct_pb2.Struct()
        properties.CopyFrom(request.news)
        for key, value in computed.items():
            properties.fields[key].CopyFrom(value)
        if not request.preview:
            note("updated", request.urn)
        return provider_pb2.UpdateResponse(properties=properties)

    def Delete(self, request, context):
        note("deleted", request.urn)
        return empty_pb2.Empty()

    def Cancel(self, request, context):
        return empty_pb2.Empty()


def main(version: str) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Echo(version), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main(sys.argv[1])
