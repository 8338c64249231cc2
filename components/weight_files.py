"""Weights as files: an FSx for Lustre file system over the bucket, for pods that do not stream from S3.

The bucket stays the source: the loader writes there, and new objects appear as files. The file system lives
in one zone; pods in others reach it too, a little slower and at the price of traffic between zones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_aws as aws

from components import kube, naming
from components.base import Component
from components.facts import WeightFilesFacts
from components.serving import NAMESPACE
from components.wire import WireResource, ec2, fsx
from inferstack.sizing.lustre import MB_PER_S_PER_TIB

if TYPE_CHECKING:
    from components.iam import Place

ADDON: Final = "aws-fsx-csi-driver"
DRIVER: Final = "fsx.csi.aws.com"
CLAIM: Final = "weights"
VOLUME: Final = "inferstack-weights"
MOUNT: Final = "/weights"
PORTS: Final = ((988, 988), (1018, 1023))
"""Lustre's own."""
CREATE_MINUTES: Final = 60


@dataclass(frozen=True, kw_only=True)
class WeightFilesArgs:
    environment: str
    place: Place
    bucket: str
    capacity_gib: int
    vpc_id: pulumi.Input[str]
    vpc_cidr: str
    subnet_id: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    addon_version: str | None
    """Of the driver; None: the cluster has it already."""
    cluster_ready: Sequence[pulumi.Resource]
    namespace: pulumi.Resource
    """Where the claim lives."""

    def facts(self) -> WeightFilesFacts:
        return WeightFilesFacts(
            environment=self.environment,
            region=self.place.region,
            bucket=self.bucket,
            capacity_gib=self.capacity_gib,
            mb_per_s_per_tib=MB_PER_S_PER_TIB,
            driver_version=self.addon_version,
        )


class WeightFiles(Component):
    """File system, its link to the bucket, driver, and the claim that pods mount; ``claim`` is the last."""

    def __init__(self, name: str, args: WeightFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("WeightFiles", name, args.facts(), opts)
        self.args = args
        system = self._file_system()
        link = self._link(system)
        volume = self._object(VOLUME, volume_document(args.capacity_gib, system), [link, *self._driver()])
        claim = claim_document(args.capacity_gib)
        self.claim = self._object(CLAIM, claim, [volume, args.namespace])
        self.register_outputs({})

    def _file_system(self) -> WireResource:
        args = self.args
        rules = [
            {"protocol": "tcp", "fromPort": low, "toPort": high, "cidrBlocks": [args.vpc_cidr]}
            for low, high in PORTS
        ]
        rules += [{"protocol": "tcp", "fromPort": low, "toPort": high, "self": True} for low, high in PORTS]
        everywhere = {"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": [args.vpc_cidr]}
        inputs = {
            "vpcId": args.vpc_id,
            "description": "Lustre from the VPC",
            "ingress": rules,
            "egress": [everywhere],
        }
        group = ec2("SecurityGroup", self.name, inputs, self.child())
        settings = {
            "subnetIds": args.subnet_id,
            "securityGroupIds": [group.id],
            "deploymentType": "PERSISTENT_2",
            "storageType": "SSD",
            "storageCapacity": args.capacity_gib,
            "perUnitStorageThroughput": MB_PER_S_PER_TIB,
            "fileSystemTypeVersion": "2.15",
            # weights do not compress
            "dataCompressionType": "NONE",
            "kmsKeyId": args.key_arn,
            # everything in it is in the bucket
            "automaticBackupRetentionDays": 0,
            "skipFinalBackup": True,
        }
        options = self.child(minutes=CREATE_MINUTES)
        return fsx("LustreFileSystem", self.name, settings, options, outputs=("dnsName", "mountName"))

    def _link(self, system: WireResource) -> WireResource:
        """Objects of the bucket appear as files when they come, change and go; nothing is written back."""
        inputs = {
            "fileSystemId": system.id,
            "fileSystemPath": "/",
            "dataRepositoryPath": f"s3://{self.args.bucket}",
            "batchImportMetaDataOnCreate": True,
            "s3": {"autoImportPolicy": {"events": ["NEW", "CHANGED", "DELETED"]}},
        }
        return fsx("DataRepositoryAssociation", self.name, inputs, self.child(minutes=CREATE_MINUTES))

    def _driver(self) -> list[pulumi.Resource]:
        args = self.args
        if args.addon_version is None:
            return []
        addon = aws.eks.Addon(
            naming.logical(self.name, ADDON),
            cluster_name=args.place.cluster,
            addon_name=ADDON,
            addon_version=args.addon_version,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=self.child(depends_on=args.cluster_ready),
        )
        return [addon]

    def _object(
        self, part: str, document: kube.Document, depends_on: Sequence[pulumi.Resource]
    ) -> kube.KubernetesObject:
        return kube.KubernetesObject(
            naming.logical(self.name, part), document, self.child(depends_on=depends_on)
        )


def volume_document(capacity_gib: int, system: WireResource) -> dict[str, Any]:
    attributes = {"dnsname": system.output("dnsName"), "mountname": system.output("mountName")}
    spec = {
        "capacity": {"storage": f"{capacity_gib}Gi"},
        "volumeMode": "Filesystem",
        "accessModes": ["ReadOnlyMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "mountOptions": ["flock"],
        "csi": {"driver": DRIVER, "volumeHandle": system.id, "volumeAttributes": attributes},
    }
    return kube.manifest("v1", "PersistentVolume", kube.Metadata(name=VOLUME), spec=spec)


def claim_document(capacity_gib: int) -> dict[str, Any]:
    """Bound to the one volume; an empty class keeps provisioners away."""
    spec = {
        "accessModes": ["ReadOnlyMany"],
        "storageClassName": "",
        "volumeName": VOLUME,
        "resources": {"requests": {"storage": f"{capacity_gib}Gi"}},
    }
    metadata = kube.Metadata(name=CLAIM, namespace=NAMESPACE)
    return kube.manifest("v1", "PersistentVolumeClaim", metadata, spec=spec)


def pod_volume() -> dict[str, Any]:
    return {"name": CLAIM, "persistentVolumeClaim": {"claimName": CLAIM, "readOnly": True}}
