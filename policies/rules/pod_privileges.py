"""INF-SEC-009: pods run unprivileged, as a user that is not root."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.policy.pods import POD_TYPES, containers, pod_specs
from inferstack.policy.types import Context, ResourceRule, Severity, Verdict, fail
from inferstack.resources import Resource
from inferstack.view import View

HOST = ("hostNetwork", "hostPID", "hostIPC")


def container_faults(container: View, pod_security: View) -> Iterator[str]:
    """What a container may do that it should not; its own setting wins over the pod's."""
    security = container.view("securityContext")
    if security.flag("privileged"):
        yield "is privileged"
    if security.flag("allowPrivilegeEscalation") is not False:
        yield "may escalate privileges"
    user = security.number("runAsUser") if security.has("runAsUser") else pod_security.number("runAsUser")
    own = security.flag("runAsNonRoot")
    non_root = pod_security.flag("runAsNonRoot") if own is None else own
    if user == 0 or (user is None and non_root is not True):
        yield "runs as root"


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    for pod in pod_specs(resource.type, view):
        for key in HOST:
            if pod.flag(key):
                yield fail(f"shares the node's namespace ({key})")
        for container in containers(pod):
            for fault in container_faults(container, pod.view("securityContext")):
                yield fail(f"container {container.text('name')} {fault}")


RULE = ResourceRule(
    id="INF-SEC-009",
    title="Pods run unprivileged and not as root",
    severity=Severity.HIGH,
    rationale=(
        "A model server parses untrusted input in native code; what it may do is what an attacker may do."
    ),
    remediation=(
        "Set runAsNonRoot, a runAsUser, allowPrivilegeEscalation: false; drop privileged and host namespaces."
    ),
    url="https://kubernetes.io/docs/concepts/security/pod-security-standards/",
    tags=("pod",),
    frameworks=("CIS Kubernetes 5.2", "Pod Security Standards: restricted"),
    types=tuple(kind for kind in POD_TYPES if not kind.endswith(":DaemonSet")),
    check=check,
)
