"""What monitoring knows of a workload: its facts, how its series are found, what its nodes cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from components import naming, serving

if TYPE_CHECKING:
    from components.served_facts import WorkloadFacts
    from inferstack.spec.derive import Limits


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One workload to watch."""

    facts: WorkloadFacts
    served_model_name: str
    nodes: int
    """Planned, all replicas."""
    usd_per_hour: Decimal | None
    """Of all planned nodes; None: no price."""
    planned_usd_per_million_tokens: Decimal | None
    """At the spec's traffic."""
    behind_gateway: bool
    routed: bool = False
    """A router of its own stands between gateway and replicas."""
    answers_to: tuple[str, ...] = ()
    """Further names that callers use."""
    takes_over: Limits | None = None
    """What sends it back while it takes over from another version; None: it does not."""

    @property
    def name(self) -> str:
        return self.facts.workload

    @property
    def requested(self) -> str:
        """Selector of its callers' requests at the gateway, by the names they use."""
        if not self.answers_to:
            return f'requested_model="{self.served_model_name}"'
        names = "|".join((self.served_model_name, *self.answers_to))
        return f'requested_model=~"{names}"'

    @property
    def label(self) -> str:
        """Value of the workload label on pods, nodes and series."""
        return naming.label_value(self.facts.workload)

    @property
    def selector(self) -> str:
        return f'namespace="{serving.NAMESPACE}",workload="{self.label}"'

    @property
    def object_name(self) -> str:
        """Of its Deployment, its group of pods and its scaler."""
        return naming.kubernetes("model", self.facts.workload, limit=52)

    @property
    def pods(self) -> str:
        return f'namespace="{serving.NAMESPACE}",pod=~"{self.object_name}-.*"'

    @property
    def deployment(self) -> str | None:
        """Selector of its Deployment; None for groups of nodes."""
        if self.facts.nodes_per_replica > 1:
            return None
        return f'namespace="{serving.NAMESPACE}",deployment="{self.object_name}"'

    @property
    def usd_per_node_hour(self) -> Decimal | None:
        if self.usd_per_hour is None or self.nodes == 0:
            return None
        return self.usd_per_hour / self.nodes
