"""What the deployed gateway would do: its configuration read back, not the spec it came from.

A group is a model name callers use. It reaches its own members and whatever it falls back to, step by step.
A backend is the environment's own when its address is a Service of a model server in the stack, or of a
router that leads to one; all others are external.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from inferstack.facts import LITELLM_PREFIXES, WORKLOAD_TYPE, FallbackFacts, WorkloadFacts
from inferstack.plain_yaml import parse_yaml
from inferstack.policy.deployed_routers import ROUTER_TYPE, destinations, pool_labels
from inferstack.render import render_text
from inferstack.view import Undecided, View

if TYPE_CHECKING:
    from inferstack.resources import Resource, ResourceIndex

GATEWAY_TYPE: Final = "inferstack:index:Gateway"
CONFIG_MAP: Final = "kubernetes:core/v1:ConfigMap"
SERVICE: Final = "kubernetes:core/v1:Service"
GUARD: Final = "gateway_guard"
FALLBACK_KEYS: Final = (
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "default_fallbacks",
)
_IN_CLUSTER: Final = re.compile(
    r"https?://([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?(?::\d+)?(?:/.*)?"
)


@dataclass(frozen=True)
class Member:
    """One deployment of a group."""

    group: str
    parameters: View

    @property
    def model(self) -> str:
        return self.parameters.required_text("model")

    @property
    def address(self) -> str | None:
        return self.parameters.text("api_base")

    @property
    def service(self) -> tuple[str, str] | None:
        """Name and namespace of the Service in the cluster it calls; None: it leaves the cluster."""
        match = _IN_CLUSTER.fullmatch(self.address or "")
        return (match[1], match[2]) if match else None

    @property
    def provider(self) -> str:
        """In the spec's words; LiteLLM's own prefix where there is none."""
        prefix = self.model.partition("/")[0]
        return next((name for name, known in LITELLM_PREFIXES.items() if known == prefix), prefix)

    @property
    def provider_model(self) -> str:
        return self.model.partition("/")[2]

    def facts(self) -> FallbackFacts:
        """As a fallback would state itself, from what is deployed."""
        values = {
            "provider": self.provider,
            "model": self.provider_model,
            "region": self.parameters.get("aws_region_name"),
            "endpoint": self.address,
        }
        return FallbackFacts(View(values, f"{self.group} {self.model}"))


@dataclass(frozen=True)
class Deployed:
    """One gateway's configuration."""

    members: tuple[Member, ...]
    steps: Mapping[str, tuple[str, ...]]
    default_steps: tuple[str, ...]
    callbacks: tuple[str, ...]
    guard: str | None
    """The guard's program text."""

    def reach(self, group: str) -> tuple[Member, ...]:
        """Members that requests for a name can get to."""
        seen, waiting = [group], [group]
        while waiting:
            found = self.steps.get(waiting.pop(), ()) or self.default_steps
            waiting += (new := [name for name in found if name not in seen])
            seen += new
        return tuple(member for name in seen for member in self.members if member.group == name)

    @property
    def entrances(self) -> tuple[str, ...]:
        """Names with a backend of the environment's own."""
        return tuple(dict.fromkeys(member.group for member in self.members if member.service))

    @property
    def guarded(self) -> bool:
        """Callers can name nothing but entrances: the guard of this version is loaded."""
        loaded = any(name.startswith(f"{GUARD}.") for name in self.callbacks)
        return loaded and self.guard == render_text(f"gateway/{GUARD}.py", {})


def deployed(resources: ResourceIndex, gateway: Resource) -> Deployed:
    """The configuration of a gateway; Undecided when it has none that can be read."""
    for candidate in resources.of_type(CONFIG_MAP):
        if gateway in resources.ancestors(candidate):
            data = View(candidate.inputs).view("data")
            if data.has("config.yaml"):
                return _read(data)
    raise Undecided("its configuration is not in the stack, so where requests go is not known")


def _read(data: View) -> Deployed:
    config = _yaml(data.required_text("config.yaml"))
    members = tuple(
        Member(entry.required_text("model_name"), entry.view("litellm_params"))
        for entry in config.views("model_list")
    )
    router, settings = config.view("router_settings"), config.view("litellm_settings")
    steps: dict[str, tuple[str, ...]] = {}
    default: tuple[str, ...] = ()
    for section in (router, settings):
        for key in FALLBACK_KEYS[:-1]:
            for entry in section.views(key):
                for group in entry.names():
                    steps[group] = (*steps.get(group, ()), *entry.texts(group))
        default += section.texts(FALLBACK_KEYS[-1])
    return Deployed(
        members=members,
        steps=steps,
        default_steps=(*default, *steps.get("*", ())),
        callbacks=settings.texts("callbacks"),
        guard=data.text(f"{GUARD}.py"),
    )


def _yaml(text: str) -> View:
    import yaml  # noqa: PLC0415 - only where there is a gateway

    try:
        document: Any = parse_yaml(text)
    except yaml.YAMLError:
        raise Undecided("data.config.yaml is not YAML, so it cannot be judged") from None
    return View(document, "config.yaml")


def workloads_behind(resources: ResourceIndex, member: Member) -> tuple[WorkloadFacts, ...]:
    """The workloads whose replicas a member reaches, itself or through a router of this stack.

    Undecided when its address is neither, or when the router leads anywhere else.
    """
    service = _service(resources, member.service)
    for above in resources.ancestors(service) if service is not None else ():
        if above.type == WORKLOAD_TYPE:
            return (WorkloadFacts(View(above.inputs)),)
        if above.type == ROUTER_TYPE:
            return _routed(resources, above)
    raise Undecided(f"{member.group}: {member.address} is not a model server of this stack")


def _routed(resources: ResourceIndex, router: Resource) -> tuple[WorkloadFacts, ...]:
    """By the proxy's addresses; the picker chooses among the same pods."""
    chosen_from, found = pool_labels(resources, router), []
    for place in destinations(resources, router):
        service = _service(resources, place)
        above = tuple(resources.ancestors(service)) if service is not None else ()
        if router in above:
            continue
        server = next((one for one in above if one.type == WORKLOAD_TYPE), None)
        if server is None or service is None:
            raise Undecided(
                f"{router.name} leads to {'.'.join(place)}, which is not a model server of this stack"
            )
        selector = View(service.inputs).view("spec").view("selector")
        if {name: selector.required_text(name) for name in selector.names()} != chosen_from:
            raise Undecided(f"the pool of {router.name} does not hold the pods of {'.'.join(place)}")
        found.append(WorkloadFacts(View(server.inputs)))
    if not found:
        raise Undecided(f"{router.name} leads to no model server of this stack")
    return tuple(found)


def _service(resources: ResourceIndex, wanted: tuple[str, str] | None) -> Resource | None:
    """The Service of a name and namespace."""
    for service in resources.of_type(SERVICE):
        metadata = View(service.inputs).view("metadata")
        if wanted == (metadata.text("name"), metadata.text("namespace")):
            return service
    return None


def exits(
    resources: ResourceIndex, gateway: Resource
) -> Iterator[tuple[str, Sequence[WorkloadFacts], Member]]:
    """Each way out: the name callers use, whose data may be in their requests, and the external member."""
    config = deployed(resources, gateway)
    for group in config.entrances:
        reached = config.reach(group)
        behind = (workloads_behind(resources, member) for member in reached if member.service)
        own = [workload for workloads in behind for workload in workloads]
        for member in reached:
            if member.service is None:
                yield group, own, member
