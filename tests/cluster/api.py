"""A client of the API server for tests: server-side apply, reads, deletes, evictions. Standard library only."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

Document = Mapping[str, Any]
MANAGER = "inferstack-test"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class RefusedError(AssertionError):
    """The server's answer to a request it did not take."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass
class Api:
    port: int
    token: str
    certificate: Path
    local: threading.local = field(default_factory=threading.local)
    known: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)
    """Plural name and whether namespaced, by apiVersion and kind."""

    def ready(self) -> bool:
        try:
            return self.request("GET", "/readyz", text=True) == "ok"
        except (OSError, http.client.HTTPException, RefusedError):
            return False

    def request(
        self,
        method: str,
        path: str,
        body: Document | str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
        accept: str = "application/json",
        text: bool = False,
    ) -> Any:
        target = f"{path}?{urlencode(query)}" if query else path
        payload = json.dumps(body) if isinstance(body, Mapping) else body and body.encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content, "Accept": accept}
        connection = self._connection()
        try:
            connection.request(method, target, payload, headers)
            answer = connection.getresponse()
            raw = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.local.connection = None
            raise
        if answer.status >= 400:
            raise RefusedError(answer.status, _message(raw))
        return raw if text else json.loads(raw)

    def apply(self, document: Document, *, dry_run: bool = False) -> dict[str, Any]:
        """Server-side apply with strict field validation; the object as the server keeps it."""
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", "force": "true"}
        if dry_run:
            query["dryRun"] = "All"
        content = "application/apply-patch+yaml"
        return dict(self.request("PATCH", self.path_of(document), document, query=query, content=content))

    def create(self, document: Document) -> dict[str, Any]:
        path = self.path_of(document).rpartition("/")[0]
        return dict(self.request("POST", path, document, query={"fieldValidation": "Strict"}))

    def patch(self, path: str, body: Document) -> dict[str, Any]:
        content = "application/merge-patch+json"
        return dict(self.request("PATCH", path, body, content=content))

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
        return dict(self.request("GET", self.path(api_version, kind, name, namespace)))

    def list(
        self, api_version: str, kind: str, namespace: str | None = None, selector: str = ""
    ) -> list[dict[str, Any]]:
        query = {"labelSelector": selector} if selector else None
        return list(self.request("GET", self.path(api_version, kind, None, namespace), query=query)["items"])

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> None:
        self.request("DELETE", self.path(api_version, kind, name, namespace))

    def kill(self, namespace: str, pod: str) -> None:
        """Removes a pod at once, without waiting for a kubelet; one that is gone is fine."""
        try:
            self.request("DELETE", self.path("v1", "Pod", pod, namespace), {"gracePeriodSeconds": 0})
        except RefusedError as refused:
            if refused.status != 404:
                raise

    def evict(self, namespace: str, pod: str) -> None:
        """As `kubectl drain` asks; RefusedError with 429 when a budget does not allow it."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
        }
        self.request("POST", f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction", body)

    def served(self) -> set[str]:
        """``<plural>.<group>`` of everything outside the core group."""
        found = self.request("GET", "/apis", accept=DISCOVERY)["items"]
        return {
            f"{resource['resource']}.{group['metadata']['name']}"
            for group in found
            for version in group["versions"]
            for resource in version.get("resources", [])
        }

    def path_of(self, document: Document) -> str:
        metadata = document["metadata"]
        return self.path(
            document["apiVersion"], document["kind"], metadata["name"], metadata.get("namespace")
        )

    def path(self, api_version: str, kind: str, name: str | None, namespace: str | None) -> str:
        plural, namespaced = self._resource(api_version, kind)
        parts = [_root(api_version)]
        if namespaced and (namespace or name):
            parts.append(f"namespaces/{namespace or 'default'}")
        parts += [plural, *([name] if name else [])]
        return "/".join(parts)

    def _resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        if (api_version, kind) not in self.known:
            for one in self.request("GET", _root(api_version))["resources"]:
                if "/" not in one["name"]:
                    self.known[api_version, one["kind"]] = (one["name"], one["namespaced"])
        assert (api_version, kind) in self.known, f"the server knows no {kind} in {api_version}"
        return self.known[api_version, kind]

    def _connection(self) -> http.client.HTTPSConnection:
        found: http.client.HTTPSConnection | None = getattr(self.local, "connection", None)
        if found is None:
            context = ssl.create_default_context(cafile=str(self.certificate))
            found = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)
            self.local.connection = found
        return found


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _message(raw: str) -> str:
    try:
        return str(json.loads(raw).get("message", raw))
    except ValueError:
        return raw
