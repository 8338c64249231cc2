"""How the servers of an environment are launched, and what the installed vLLM's own parser says to it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from inferstack.engine.graph import Graph
from inferstack.errors import Problem
from inferstack.policy.pods import image
from inferstack.policy.servers import SERVER_TYPES, gpu_containers
from inferstack.view import View

Check = Callable[[argparse.Namespace], None]
FIX: Final = "a value that this vLLM takes under `serving.vllm`, or the version this project pins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One container's arguments of ``vllm serve``, the model first."""

    server: str
    """The Kubernetes object that holds it."""
    arguments: tuple[str, ...]


def launches(graph: Graph) -> tuple[Launch, ...]:
    """Every vLLM container with GPUs, in the order of the graph; Undecided where arguments are unknown."""
    return tuple(_launches(graph))


def _launches(graph: Graph) -> Iterator[Launch]:
    for resource in graph:
        if resource.type in SERVER_TYPES:
            for container in gpu_containers(resource, View(resource.inputs)):
                if "vllm" in image(container.view.required_text("image")).repository:
                    yield Launch(server=resource.name, arguments=container.arguments)


def refusals(parser: argparse.ArgumentParser, check: Check, found: Iterable[Launch]) -> list[Problem]:
    """What vLLM would refuse at start; at most one problem a launch, since its parser stops at the first.

    ``check`` is vLLM's own look at what was parsed; see ``installed_parser`` and ``installed_check``.
    """
    parser.error = _refuse  # type: ignore[method-assign]  # the original prints and leaves the process
    problems = []
    for launch in found:
        try:
            check(parser.parse_args([_decided(argument) for argument in launch.arguments]))
        except (argparse.ArgumentError, ValueError, TypeError) as error:
            message = f"vLLM refuses to start: {error}"
            problems.append(Problem(message=message, path=launch.server, accepted=FIX))
    return problems


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)


def _decided(argument: str) -> str:
    """``$(POD_IP)`` is filled in by the kubelet: here it is a text like another."""
    return argument.replace("$(", "").replace(")", "") if argument.startswith("$(") else argument
