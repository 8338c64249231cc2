"""Security settings every pod of ours has: they satisfy the restricted pod security standard."""

from __future__ import annotations

from typing import Any, Final

VLLM_UID: Final = 2000
"""User ``vllm`` of the official image; its home and caches belong to group 0."""


def hardened_pod(service_account: str, uid: int = VLLM_UID, gid: int = 0) -> dict[str, Any]:
    """Pod-level settings: not root, default seccomp, no API token, no service variables (``VLLM_PORT``)."""
    return {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": uid,
            "runAsGroup": gid,
            "fsGroup": gid,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def hardened_container(*, added_capabilities: tuple[str, ...] = ()) -> dict[str, Any]:
    """Container-level settings: read-only root, no capabilities but those added for a reason."""
    capabilities: dict[str, Any] = {"drop": ["ALL"]}
    if added_capabilities:
        capabilities["add"] = list(added_capabilities)
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": capabilities,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
