"""Counts the ready pods of a workload while something happens, from the API server's own stream of changes."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.cluster.api import Api
from tests.cluster.world import SERVING, WORKLOAD, ready


@dataclass
class Counted:
    """Every number of ready pods there ever was, in order."""

    seen: list[int] = field(default_factory=list)

    @property
    def least(self) -> int:
        return min(self.seen)

    @property
    def most(self) -> int:
        return max(self.seen)


@contextmanager
def count_ready(api: Api, workload: str, entry: str = "") -> Iterator[Counted]:
    """Watches from now on; ``entry`` narrows to the pods that answer requests."""
    with count_selected(api, SERVING, f"{WORKLOAD}={workload}" + (f",{entry}" if entry else "")) as counted:
        yield counted


@contextmanager
def count_selected(api: Api, namespace: str, selector: str) -> Iterator[Counted]:
    """Watches the pods of a selector from now on."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    listed = api.request("GET", path, query={"labelSelector": selector})
    pods = {pod["metadata"]["name"]: ready(pod) for pod in listed["items"]}
    counted = Counted([sum(pods.values())])
    query = {
        "labelSelector": selector,
        "watch": "true",
        "resourceVersion": listed["metadata"]["resourceVersion"],
    }
    context = ssl.create_default_context(cafile=str(api.certificate))
    connection = http.client.HTTPSConnection("127.0.0.1", api.port, context=context)
    connection.request("GET", f"{path}?{urlencode(query)}", headers={"Authorization": f"Bearer {api.token}"})
    stream = connection.sock
    answer = connection.getresponse()
    thread = threading.Thread(target=_follow, args=(answer, pods, counted), daemon=True)
    thread.start()
    try:
        yield counted
    finally:
        stream.shutdown(socket.SHUT_RDWR)  # wakes the reader
        thread.join(5)
        connection.close()


def _follow(answer: http.client.HTTPResponse, pods: dict[str, bool], counted: Counted) -> None:
    try:
        while line := answer.readline():
            _note(json.loads(line), pods, counted)
    except (OSError, ValueError, http.client.HTTPException):
        return  # the watch was closed under us: that is how it ends


def _note(event: dict[str, Any], pods: dict[str, bool], counted: Counted) -> None:
    pod = event["object"]
    name = pod["metadata"]["name"]
    if event["type"] == "DELETED":
        pods.pop(name, None)
    else:
        pods[name] = ready(pod)
    counted.seen.append(sum(pods.values()))
