"""How the GPUs of a workload are bought, which ones, how many; and what may be spent."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inferstack.spec.base import Section
from inferstack.spec.identifiers import InstanceTypeId, Shape, ZoneId
from inferstack.spec.quantities import Usd, conflict

Purchase = Literal[
    "on-demand",
    "spot",
    "savings-plan-1y",
    "savings-plan-3y",
    "reserved",
    "capacity-reservation",
    "capacity-block",
]


Autoscaling = Literal["keda", "hpa", "none"]


class Replicas(Section):
    """Bounds of the autoscaler; absent: the plan chooses."""

    min: Annotated[int, Field(ge=0, le=1000)] | None = None
    """At least this many, 0 lets the workload sleep."""
    max: Annotated[int, Field(ge=1, le=1000)] | None = None
    """At most this many."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f"min ({self.min}) is above max ({self.max})"
            raise conflict(message, "min", "max", accepted="min at or below max")
        return self


class Capacity(Section):
    """How the GPUs are bought, and which."""

    purchase: Annotated[tuple[Purchase, ...], Field(min_length=1)] = ("on-demand",)
    """Purchase models the plan may use."""
    allow_instance_types: tuple[InstanceTypeId, ...] = ()
    """Only these; empty: any."""
    deny_instance_types: tuple[InstanceTypeId, ...] = ()
    """Never these."""
    zones: tuple[ZoneId, ...] = ()
    """Only these availability zone ids; empty: the environment's."""
    replicas: Replicas = Replicas()
    """Bounds of the autoscaler."""
    autoscaling: Autoscaling | None = None
    """Who sets the number of replicas: `keda` (can sleep at 0), `hpa`, or `none`; absent: `keda`, or `none`
    where the environment has no monitoring."""
    surge: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Extra replicas during a rollout; absent: 1, or 0 where a replica takes whole scarce nodes."""
    reservation_id: (
        Annotated[str, Shape("cr-[0-9a-f]{8,17}", "not a reservation id", "cr-0123456789abcdef0")] | None
    ) = None
    """The capacity reservation or capacity block to use."""
    second_choice_pool: bool = False
    """A second, empty pool of the plan's second choice, for when AWS has no capacity of the first."""
    warm_nodes: Annotated[int, Field(ge=0, le=20)] = 0
    """Nodes that are started and waiting beside those in use (EKS managed node groups, on-demand only)."""
    acknowledge_upfront_charge: bool = False
    """A capacity block is paid in full in advance and cannot be given back: say `true` to use one."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        both = sorted(set(self.allow_instance_types) & set(self.deny_instance_types))
        if both:
            raise conflict(f"{both[0]} is both allowed and denied", "denyInstanceTypes", "allowInstanceTypes")
        reserved = sorted({"capacity-reservation", "capacity-block"} & set(self.purchase))
        if reserved and self.reservation_id is None:
            raise conflict(f"{reserved[0]} needs reservationId", "purchase", accepted="reservationId: cr-...")
        bound = [name for name in self.purchase if name in ("spot", *reserved)]
        if self.warm_nodes and bound:
            message = f"EC2 keeps no warm pool of {bound[0]} instances"
            raise conflict(
                message, "warmNodes", "purchase", accepted="purchase: [on-demand], or no warmNodes"
            )
        if self.second_choice_pool and reserved:
            message = f"a {reserved[0]} holds one instance type; there is no second choice in it"
            raise conflict(message, "secondChoicePool", "purchase", accepted="leave it out")
        if "capacity-block" in self.purchase and not self.acknowledge_upfront_charge:
            message = "a capacity block is charged in full in advance"
            raise conflict(message, "purchase", accepted="acknowledgeUpfrontCharge: true")
        return self

    @model_validator(mode="after")
    def _sleeps_only_where_it_can_wake(self) -> Self:
        if self.replicas.min == 0 and self.autoscaling in {"hpa", "none"}:
            message = "only KEDA starts a replica where none runs"
            raise conflict(message, "replicas.min", "autoscaling", accepted="autoscaling: keda, or min: 1")
        return self


class Budget(Section):
    """Money that may be spent."""

    monthly_usd: Usd
    """USD per month of 730 hours."""
