"""EKS add-ons: which, with what settings, and whether they must exist before nodes do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, kw_only=True)
class AddonSpec:
    """``role_policy`` is the AWS managed policy its service account gets through Pod Identity."""

    name: str
    before_nodes: bool = False
    configuration: Mapping[str, Any] = field(default_factory=dict)
    service_account: str | None = None
    role_policy: str | None = None

    @property
    def configuration_text(self) -> str | None:
        """Settings as the API takes them: JSON with sorted keys."""
        return json.dumps(self.configuration, sort_keys=True) if self.configuration else None


ADDONS: Final = (
    # without the agent, pods get no credentials; without the CNI, nodes stay NotReady
    AddonSpec(name="eks-pod-identity-agent", before_nodes=True),
    AddonSpec(
        name="vpc-cni",
        before_nodes=True,
        configuration={
            # sixteen addresses at a time: fewer EC2 calls, 110 pods on small types
            "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"},
            # NetworkPolicy objects are ignored unless the agent is told to enforce them
            "enableNetworkPolicy": "true",
        },
        service_account="aws-node",
        role_policy="AmazonEKS_CNI_Policy",
    ),
    AddonSpec(name="kube-proxy", before_nodes=True),
    AddonSpec(name="coredns"),
    AddonSpec(
        name="aws-ebs-csi-driver",
        service_account="ebs-csi-controller-sa",
        role_policy="service-role/AmazonEBSCSIDriverPolicy",
    ),
    AddonSpec(name="eks-node-monitoring-agent"),
    AddonSpec(name="metrics-server"),
)
