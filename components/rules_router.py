"""Alerts on a workload's inference router: it is gone, it chooses no more, it sees no replica."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from components import serving
from components.rules import Alert

if TYPE_CHECKING:
    from components.watch import Watched

NOT_CHOSEN: Final = "0.05"


def router_rules(watched: Watched) -> Iterator[Alert]:
    """None for a workload without one."""
    if not watched.routed:
        return
    own = f'namespace="{serving.NAMESPACE}",router="{watched.label}"'
    proxy, picker = f'up{{{own},container="envoy"}}', f'up{{{own},container="picker"}}'
    yield Alert(
        name="RouterDown",
        expr=f"absent({proxy}) or sum({proxy}) < 1",
        hold="3m",
        severity="critical",
        summary=f"No proxy before {watched.name}: its callers get errors or paid fallbacks",
    )
    yield Alert(
        name="RouterPickerDown",
        expr=f"absent({picker}) or sum({picker}) < 1",
        hold="10m",
        severity="warning",
        summary=f"No endpoint picker for {watched.name}: any replica gets a request, whatever it has cached",
    )
    again = f'sum(rate(envoy_cluster_upstream_rq_retry{{{own},envoy_cluster_name="model"}}[5m]))'
    entered = f'{own},envoy_http_conn_manager_prefix="entry"'
    yield Alert(
        name="RouterNotChosen",
        expr=f"{again} / sum(rate(envoy_http_downstream_rq_completed{{{entered}}}[5m])) > {NOT_CHOSEN}",
        hold="10m",
        severity="warning",
        summary=f"Over five percent of requests to {watched.name} got no choice of replica",
    )
    scraped = f"sum(up{{{watched.selector}}}) > 0"
    yield Alert(
        name="RouterSeesNoReplica",
        expr=f"max(llm_d_epp_ready_endpoints{{{own}}}) == 0 and on () {scraped}",
        hold="10m",
        severity="warning",
        summary=f"Replicas of {watched.name} run, and its endpoint picker sees none of them",
    )
