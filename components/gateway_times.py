"""How long each link between a caller and a model waits: every one longer than the one behind it.

A link that gives up before the one behind it turns a late answer into an error; one that closes an idle
connection while the side in front still uses it turns a new request into one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from components.routes import Backend
from components.vllm_pod import CLIENT_KEEP_ALIVE_S

RETRIES: Final = 1
"""Of an attempt that failed on the server's side; a timeout is never repeated on the same backend."""
BALANCER_LIMIT_S: Final = 4000
"""Longest idle timeout of an Application Load Balancer."""
MARGIN_S: Final = 10
TARGET_LIMIT_S: Final = 3600
"""Longest deregistration delay of a target group."""
PROPAGATION_S: Final = 65
"""A stopping pod still gets requests until the load balancer knows."""
NAT_IDLE_S: Final = 350
"""A NAT gateway forgets connections that are idle for longer."""
PROBE_S: Final = 60
"""TCP probes of idle connections to external backends: well within ``NAT_IDLE_S``."""


@dataclass(frozen=True, kw_only=True)
class GatewayTimes:
    """``attempt_s``: one try at one backend; ``attempts``: the most that one request can take."""

    attempt_s: int
    attempts: int

    @property
    def silence_s(self) -> int:
        """The longest a request can be without a byte."""
        return self.attempt_s * self.attempts

    @property
    def balancer_idle_s(self) -> int:
        return self.silence_s + MARGIN_S

    @property
    def server_keep_alive_s(self) -> int:
        """The gateway keeps idle connections longer than the load balancer that uses them."""
        return self.balancer_idle_s + MARGIN_S

    @property
    def client_keep_alive_s(self) -> int:
        """The gateway drops idle connections before the model server does."""
        return CLIENT_KEEP_ALIVE_S - MARGIN_S

    @property
    def deregistration_s(self) -> int:
        """An attempt in flight may finish on a target that leaves."""
        return min(self.attempt_s, TARGET_LIMIT_S)

    @property
    def grace_s(self) -> int:
        """A stopping pod may finish what it has begun."""
        return PROPAGATION_S + self.deregistration_s + MARGIN_S


def gateway_times(backends: Sequence[Backend], *, timeout_s: int) -> GatewayTimes:
    """Times that fit the load balancer's limit: the longer the chain of fallbacks, the less patience."""
    longest = max((len(backend.external) for backend in backends), default=0)
    attempts = (1 + RETRIES) * (1 + longest)
    room = (BALANCER_LIMIT_S - MARGIN_S) // attempts
    return GatewayTimes(attempt_s=max(1, min(timeout_s, room)), attempts=attempts)
