"""A resource monitor that records instead of deploying.

It stands where the engine's monitor stands when `pulumi preview` runs a program, and answers as the engine
does when nothing exists yet: inputs are echoed, every other output is unknown. What it could answer only
by asking a cloud (`aws.getCallerIdentity` and its like) it refuses: a made-up answer would be a lie.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from google.protobuf import empty_pb2  # type: ignore[import-untyped]  # ships no stubs
from pulumi.runtime.proto import engine_pb2, resource_pb2

from inferstack.engine import urns, wire
from inferstack.engine.durations import canonical_duration
from inferstack.errors import InputError, OutsideError, Problem
from inferstack.resources import Options, Resource

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct  # type: ignore[import-untyped]  # ships no stubs
    from pulumi.runtime.proto.alias_pb2 import Alias

_FEATURES: Final = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
)
"""Transforms, hooks and state migrations are absent on purpose: they run code that is not run here, and
the SDK then refuses a program that uses them instead of planning without them."""

_PROVIDER_PREFIX: Final = "pulumi:providers:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """What the program said while it ran. ``severity`` is info, warning or error."""

    severity: str
    message: str
    urn: str | None = None


@dataclass(slots=True, kw_only=True)
class Recording:
    """Everything one program run registered; filled from the runtime's worker threads."""

    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: dict[str, Mapping[str, object]] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)


class Monitor:
    """The resource monitor's methods that the Python SDK calls, by their wire names."""

    def __init__(self, *, stack: str, project: str, providers_required: frozenset[str]) -> None:
        """``providers_required``: packages whose default provider is disabled (`*` for all)."""
        self.recording = Recording()
        self._stack = stack
        self._project = project
        self._providers_required = providers_required
        self._lock = threading.Lock()

    def GetDeploymentInfo(self, request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:  # noqa: N802
        del request
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def SignalAndWaitForShutdown(self, request: empty_pb2.Empty) -> empty_pb2.Empty:  # noqa: N802
        return request

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        self._refuse_what_needs_a_plugin(request)
        urn = self._urn(request.parent, request.type, request.name)
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent or None,
            custom=request.custom,
            inputs=wire.from_struct(request.object),
            dependencies=tuple(sorted(set(request.dependencies))),
            property_dependencies={
                key: tuple(sorted(set(found.urns)))
                for key, found in sorted(request.propertyDependencies.items())
                if found.urns
            },
            provider=request.provider.rpartition("::")[0] or None,
            options=self._options(request),
        )
        self._record(resource)
        return resource_pb2.RegisterResourceResponse(urn=urn, object=_echo(request))

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        with self._lock:
            self.recording.outputs[request.urn] = wire.from_struct(request.outputs)
        return empty_pb2.Empty()

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> NoReturn:  # noqa: N802
        raise OutsideError(
            f"{request.type} {request.name!r} is read from the cloud (id {request.id!r}), "
            "which the offline engine cannot do; pass its values in the environment file"
        )

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> NoReturn:  # noqa: N802
        raise OutsideError(
            f"the program asks the cloud ({request.tok}), which the offline engine cannot do; "
            "pass the answer in the environment file"
        )

    def Call(self, request: resource_pb2.ResourceCallRequest) -> NoReturn:  # noqa: N802
        raise OutsideError(f"the program calls {request.tok}, which needs a provider plugin")

    def RegisterPackage(self, request: resource_pb2.RegisterPackageRequest) -> NoReturn:  # noqa: N802
        raise OutsideError(f"package {request.name} needs a provider plugin")

    def _urn(self, parent: str, type_: str, name: str) -> str:
        return urns.child(
            stack=self._stack, project=self._project, parent=parent or None, type_=type_, name=name
        )

    def _record(self, resource: Resource) -> None:
        with self._lock:
            if resource.urn in self.recording.resources:
                raise InputError(
                    Problem(
                        message="two resources have the same URN", path=resource.urn, accepted="unique names"
                    )
                )
            self.recording.resources[resource.urn] = resource

    def _refuse_what_needs_a_plugin(self, request: resource_pb2.RegisterResourceRequest) -> None:
        if request.remote:
            raise OutsideError(f"{request.type} {request.name!r} is a component inside a plugin")
        package = request.type.partition(":")[0]
        if (
            request.custom
            and not request.provider
            and package != "pulumi"
            and self._providers_required & {package, "*"}
        ):
            raise InputError(
                f"default provider for {package!r} is disabled; {request.type} {request.name!r} "
                "must name its provider (ResourceOptions.provider, or its component's providers)"
            )

    def _options(self, request: resource_pb2.RegisterResourceRequest) -> Options:
        timeouts = request.customTimeouts
        found = {name: getattr(timeouts, name) for name in ("create", "update", "delete")}
        return Options(
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            delete_before_replace=request.deleteBeforeReplace,
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            aliases=tuple(self._alias(alias, request) for alias in request.aliases),
            custom_timeouts=tuple((name, canonical_duration(text)) for name, text in found.items() if text),
            deleted_with=request.deletedWith or None,
        )

    def _alias(self, alias: Alias, request: resource_pb2.RegisterResourceRequest) -> str:
        """The full URN an alias stands for, as the engine resolves it."""
        if alias.urn:
            return alias.urn
        spec = alias.spec
        parent = None if spec.noParent else (spec.parentUrn or request.parent or None)
        return urns.child(
            stack=spec.stack or self._stack,
            project=spec.project or self._project,
            parent=parent,
            type_=spec.type or request.type,
            name=spec.name or request.name,
        )


class EngineLog:
    """The engine's log service: keeps what the program reports."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:  # noqa: N802
        severity = {engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error", engine_pb2.INFO: "info"}
        if request.severity in severity and not request.ephemeral:
            self._recording.diagnostics.append(
                Diagnostic(
                    severity=severity[request.severity], message=request.message, urn=request.urn or None
                )
            )
        return empty_pb2.Empty()


def _echo(request: resource_pb2.RegisterResourceRequest) -> Struct:
    """The outputs of a resource that does not exist: its inputs; declared secrets stay secret."""
    outputs = type(request.object)()
    outputs.CopyFrom(request.object)
    for key in request.additionalSecretOutputs:
        if not wire.is_secret_struct(outputs, key):
            wire.make_secret(outputs, key)
    return outputs
