"""Every query an environment would deploy: alerts, recording rules, panels, variables, scalers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from inferstack.engine.graph import Graph
from tests.queries.lint import Query

LABEL_VALUES = re.compile(r"label_values\((?:(?P<expr>.+),\s*)?(?P<label>\w+)\)")


def queries(graph: Graph) -> Iterator[Query]:
    for item in graph:
        inputs: Mapping[str, Any] = item.inputs
        if item.type.endswith(":PrometheusRule"):
            yield from of_rules(inputs["spec"], str(inputs["metadata"]["name"]))
        elif item.type == "aws:amp/ruleGroupNamespace:RuleGroupNamespace":
            yield from of_rules(yaml.safe_load(str(inputs["data"])), str(item.name))
        elif item.type.endswith(":ConfigMap") and "grafana_dashboard" in inputs["metadata"].get("labels", {}):
            for text in inputs["data"].values():
                yield from of_dashboard(json.loads(str(text)))
        elif item.type.endswith(":ScaledObject"):
            yield from of_scaler(inputs)


def of_rules(spec: Mapping[str, Any], where: str) -> Iterator[Query]:
    for group in spec["groups"]:
        for rule in group["rules"]:
            name = rule.get("alert") or rule["record"]
            yield Query(
                where=f"{where}/{group['name']}/{name}",
                kind="alert" if "alert" in rule else "record",
                expr=str(rule["expr"]),
                record=rule.get("record"),
                labels=frozenset(rule.get("labels", {})),
            )


def of_dashboard(board: Mapping[str, Any]) -> Iterator[Query]:
    for panel in panels(board):
        for target in panel.get("targets", []):
            where = f"{board['uid']}/{panel['title']}/{target['refId']}"
            yield Query(where=where, kind="panel", expr=target["expr"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield Query(
                where=f"{board['uid']}/${variable['name']}", kind="variable", expr=_values(variable["query"])
            )


def panels(board: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Panels and those inside rows."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def _values(query: Mapping[str, Any]) -> str:
    """``label_values(metric, label)`` as the aggregation it stands for."""
    found = LABEL_VALUES.fullmatch(query["query"])
    assert found, f"not label_values(...): {query['query']}"
    return f"group by ({found['label']}) ({found['expr']})"


def of_scaler(document: Mapping[str, Any]) -> Iterator[Query]:
    name = document["metadata"]["name"]
    for index, trigger in enumerate(document["spec"]["triggers"]):
        if trigger["type"] == "prometheus":
            yield Query(where=f"{name}/trigger {index}", kind="scaler", expr=trigger["metadata"]["query"])
