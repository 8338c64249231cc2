"""What every cluster runs before workloads: storage class, priority, node autoscaler, groups of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from components import iam, kube, naming, serving
from components.base import Component
from components.charts import SYSTEM_NAMESPACE, release
from components.facts import ChartFacts
from components.naming import STANDBY_SUFFIX
from components.pins import DATA
from inferstack.plain_yaml import read_yaml

if TYPE_CHECKING:
    from components.pins import Pins

STORAGE_CLASS: Final = "gp3"
AUTOSCALER: Final = "cluster-autoscaler"
DEVICE_RULE: Final = {
    "apiGroups": ["resource.k8s.io"],
    "resources": ["deviceclasses", "resourceclaims", "resourceslices"],
    "verbs": ["get", "list", "watch"],
}
EXPANDER_PRIORITIES: Final = f"10:\n  - .*{STANDBY_SUFFIX}.*\n50:\n  - .*\n"
"""By the Auto Scaling group's name, which holds the node group's: standby pools come last.

Text, because the autoscaler wants numbers as keys and no message to the engine can hold such.
"""
LWS_NAMESPACE: Final = "lws-system"


@dataclass(frozen=True, kw_only=True)
class ClusterServicesArgs:
    environment: str
    place: iam.Place
    version: str
    multi_node: bool
    """Some workload spans nodes: LeaderWorkerSets are needed."""
    node_cache: bool
    """Servers keep compiled kernels on their nodes."""
    standby_pools: bool
    """Some workload has a second pool."""
    claims: bool
    """Pods ask for GPUs by device claims."""
    pins: Pins
    provides: tuple[str, ...] = ()
    """What an existing cluster runs already."""
    inference_pools: bool = False
    """Some workload's replicas are an InferencePool."""
    default_storage_class: bool = True
    """An existing cluster keeps its own default."""

    def facts(self) -> ChartFacts:
        wanted = [AUTOSCALER, *(["lws"] if self.multi_node else [])]
        names = [name for name in wanted if name not in self.provides]
        return ChartFacts(
            environment=self.environment, charts={name: self.pins.chart(name).version for name in names}
        )


class ClusterServices(Component):
    """Default encrypted storage, place and priority of servers, the node autoscaler, LeaderWorkerSet."""

    storage_class: kube.KubernetesObject | None = None
    autoscaler: kubernetes.helm.v3.Release | None = None
    lws: kubernetes.helm.v3.Release | None = None
    inference_pool: kube.KubernetesObject | None = None
    """Each absent when the cluster has it already, or does not need it."""

    def __init__(
        self, name: str, args: ClusterServicesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ClusterServices", name, args.facts(), opts)
        self.args = args
        if STORAGE_CLASS not in args.provides:
            document = storage_class(default=args.default_storage_class)
            self.storage_class = self._object("gp3", document)
        self.priority = self._object("priority", serving.priority())
        self.serving = self._object(
            "serving", serving.namespace(privileged=args.multi_node or args.node_cache)
        )
        if AUTOSCALER not in args.provides:
            self.autoscaler = self._autoscaler()
        if args.multi_node and "lws" not in args.provides:
            self.lws = self._lws()
        if args.inference_pools and "inference-pool" not in args.provides:
            self.inference_pool = self._object("inference-pool", inference_pool_kind())
        self.register_outputs({})

    def _object(self, part: str, document: kube.Document) -> kube.KubernetesObject:
        return kube.KubernetesObject(naming.logical(self.name, part), document, self.child())

    def _autoscaler(self) -> kubernetes.helm.v3.Release:
        name, place = naming.logical(self.name, "autoscaler"), self.args.place
        role = iam.pod_role(self, name, place, statements=autoscaler_statements(place))
        account = iam.ServiceAccount(namespace=SYSTEM_NAMESPACE, name=AUTOSCALER)
        identity = iam.pod_identity(self, name, place, account, role)
        return release(
            self,
            name,
            self.args.pins.chart(AUTOSCALER),
            release_name=AUTOSCALER,
            namespace=SYSTEM_NAMESPACE,
            values=autoscaler_values(
                place,
                self.args.pins.autoscaler_image(self.args.version),
                standby_pools=self.args.standby_pools,
                claims=self.args.claims,
            ),
            depends_on=[identity],
        )

    def _lws(self) -> kubernetes.helm.v3.Release:
        namespace = self._object("lws", kube.manifest("v1", "Namespace", kube.Metadata(name=LWS_NAMESPACE)))
        chart = self.args.pins.chart("lws")
        return release(
            self,
            naming.logical(self.name, "lws"),
            chart,
            release_name="lws",
            namespace=LWS_NAMESPACE,
            # the chart in the source tree says "main"; a release must run its own version
            values={"image": {"manager": {"tag": f"v{chart.version}", "pullPolicy": "IfNotPresent"}}},
            depends_on=[namespace],
        )


def inference_pool_kind() -> dict[str, Any]:
    """The definition of InferencePool: no chart brings it."""
    return dict(read_yaml(DATA / "inference_pool.yaml"))


def storage_class(*, default: bool = True) -> dict[str, Any]:
    """The default class: gp3, encrypted, in the zone of the pod."""
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return kube.manifest(
        "storage.k8s.io/v1",
        "StorageClass",
        kube.Metadata(name=STORAGE_CLASS, annotations=annotations),
        provisioner="ebs.csi.aws.com",
        parameters={"type": "gp3", "encrypted": "true"},
        volumeBindingMode="WaitForFirstConsumer",
        allowVolumeExpansion=True,
        reclaimPolicy="Delete",
    )


def autoscaler_statements(place: iam.Place) -> tuple[iam.Statement, ...]:
    """Reads everywhere (the APIs know no finer scope), writes only groups tagged for this cluster."""
    describe = (
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLaunchConfigurations",
        "autoscaling:DescribeScalingActivities",
        "autoscaling:DescribeTags",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:GetInstanceTypesFromInstanceRequirements",
        "eks:DescribeNodegroup",
    )
    change = ("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup")
    owned = {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{place.cluster}": "owned"}
    return (
        iam.Statement(actions=describe, resources=("*",)),
        iam.Statement(actions=change, resources=("*",), condition={"StringEquals": owned}),
    )


def autoscaler_values(
    place: iam.Place, image_tag: str, *, standby_pools: bool = False, claims: bool = False
) -> Mapping[str, Any]:
    """Moves node groups: those of GPUs where EKS manages them, and the system's own in any case."""
    priorities = {"expanderPriorities": EXPANDER_PRIORITIES} if standby_pools else {}
    return {
        **priorities,
        "autoDiscovery": {"clusterName": place.cluster},
        "awsRegion": place.region,
        "image": {"tag": image_tag},
        # from 1.35 on it always looks at device claims, and fails where it may not
        "rbac": {"serviceAccount": {"name": AUTOSCALER}, "additionalRules": [DEVICE_RULE]},
        "fullnameOverride": AUTOSCALER,
        "replicaCount": 2,
        "podDisruptionBudget": {"maxUnavailable": 1},
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"inferstack.dev/pool": "system"},
        "resources": {"requests": {"cpu": "100m", "memory": "600Mi"}, "limits": {"memory": "600Mi"}},
        "extraArgs": {
            "balance-similar-node-groups": False,
            **({"enable-dynamic-resource-allocation": True} if claims else {}),
            "expander": "priority,least-waste" if standby_pools else "least-waste",
            # a GPU node without GPUs yet is booting, not idle
            "scale-down-unneeded-time": "20m",
            "scale-down-delay-after-add": "20m",
            "max-node-provision-time": "25m",
            "skip-nodes-with-local-storage": False,
            "skip-nodes-with-system-pods": False,
        },
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
