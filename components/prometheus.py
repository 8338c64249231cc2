"""Values of the kube-prometheus-stack chart on EKS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pulumi

from components import iam, kube
from components.alert_routes import WEBHOOK_SECRET, AlertRoutes, alertmanager
from components.cluster_services import STORAGE_CLASS

NAMESPACE: Final = "monitoring"
PLUGIN: Final = "grafana-amazonprometheus-datasource"
"""Grafana's data source for a managed workspace; the plain one no longer signs requests."""
RELEASE: Final = "kube-prometheus-stack"
SYSTEM_POOL: Final = {"inferstack.dev/pool": "system"}
NODE_LABELS: Final = (kube.LABEL_WORKLOAD, "inferstack.dev/purchase")
GIB_PER_DAY: Final = 3
DISK_FLOOR_GIB: Final = 20
LOCAL_DAYS_WITH_REMOTE: Final = 1
"""With a managed store behind it, Prometheus keeps only what survives a restart of the link."""
HIDDEN_ON_EKS: Final = ("kubeControllerManager", "kubeEtcd", "kubeScheduler", "kubeProxy")
"""Run by AWS, or not listening on a scrapable address: their rules would always fire."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """An Amazon Managed Prometheus workspace to write to; ``url`` ends in a slash."""

    url: Any
    region: str


def stack_values(retention_days: int, remote: Remote | None) -> dict[str, Any]:
    days = LOCAL_DAYS_WITH_REMOTE if remote else retention_days
    return {
        "fullnameOverride": RELEASE,
        # the webhook's certificate job is a common cause of a first install that hangs; rules are tested here
        "prometheusOperator": {
            "admissionWebhooks": {"enabled": False},
            "tls": {"enabled": False},
            "nodeSelector": SYSTEM_POOL,
        },
        **{name: {"enabled": False} for name in HIDDEN_ON_EKS},
        "defaultRules": {"rules": _default_rules()},
        "prometheus": {"prometheusSpec": _prometheus(days, remote)},
        "alertmanager": {"alertmanagerSpec": {"nodeSelector": SYSTEM_POOL, "storage": _claim(5)}},
        "grafana": {
            "nodeSelector": SYSTEM_POOL,
            # a random password, kept in the chart's own Secret
            "sidecar": {"dashboards": {"enabled": True, "label": "grafana_dashboard", "labelValue": "1"}},
            "grafana.ini": {
                "analytics": {"reporting_enabled": False, "check_for_updates": False},
                "security": {"disable_gravatar": True},
                "users": {"allow_sign_up": False},
            },
        },
        "kube-state-metrics": {
            "nodeSelector": SYSTEM_POOL,
            # which workload a node was bought for, and how: alerts and the live cost count by it
            "metricLabelsAllowlist": [f"nodes=[{','.join(NODE_LABELS)}]"],
        },
    }


def service_account(part: str) -> iam.ServiceAccount:
    """Of a part of the chart: ``prometheus``, ``alertmanager``, ``grafana``."""
    return iam.ServiceAccount(namespace=NAMESPACE, name=f"{RELEASE}-{part}")


def alertmanager_values(routes: AlertRoutes, *, managed: bool) -> dict[str, Any]:
    """A managed workspace has its own alert manager: one in the cluster would tell everything twice."""
    if managed:
        return {"enabled": False}
    values: dict[str, Any] = {"config": alertmanager(routes)}
    if routes.webhook:
        spec = {"nodeSelector": SYSTEM_POOL, "storage": _claim(5), "secrets": [WEBHOOK_SECRET]}
        values["alertmanagerSpec"] = spec
    return values


def grafana_values(where: str, remote: Remote | None) -> dict[str, Any]:
    if where != "cluster":
        return {"enabled": False}
    if remote is None:
        return {}
    source = {
        "name": "Amazon Managed Prometheus",
        "uid": "amp",
        "type": PLUGIN,
        "access": "proxy",
        "url": remote.url,
        "jsonData": {
            "httpMethod": "POST",
            "sigV4Auth": True,
            "sigV4AuthType": "default",
            "sigV4Region": remote.region,
        },
    }
    return {"plugins": [PLUGIN], "additionalDataSources": [source]}


def _default_rules() -> dict[str, bool]:
    return {
        "etcd": False,
        "kubeControllerManager": False,
        "kubeProxy": False,
        "kubeSchedulerAlerting": False,
        "kubeSchedulerRecording": False,
    }


def _prometheus(days: int, remote: Remote | None) -> dict[str, Any]:
    size = max(DISK_FLOOR_GIB, GIB_PER_DAY * days)
    spec: dict[str, Any] = {
        "retention": f"{days}d",
        "retentionSize": f"{size * 9 // 10}GB",
        "scrapeInterval": "30s",
        # everything with a monitor is scraped, whoever's chart it came with
        "podMonitorSelectorNilUsesHelmValues": False,
        "ruleSelectorNilUsesHelmValues": False,
        "serviceMonitorSelectorNilUsesHelmValues": False,
        "nodeSelector": SYSTEM_POOL,
        "resources": {"requests": {"cpu": "500m", "memory": "2Gi"}, "limits": {"memory": "4Gi"}},
        "storageSpec": _claim(size),
    }
    if remote is not None:
        spec["remoteWrite"] = [
            {
                "url": pulumi.Output.concat(remote.url, "api/v1/remote_write"),
                "sigv4": {"region": remote.region},
            }
        ]
    return spec


def _claim(gib: int) -> dict[str, Any]:
    claim = {
        "storageClassName": STORAGE_CLASS,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{gib}Gi"}},
    }
    return {"volumeClaimTemplate": {"spec": claim}}


def namespace() -> dict[str, Any]:
    """Privileged: node-exporter reads the host's file systems."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return kube.manifest("v1", "Namespace", kube.Metadata(name=NAMESPACE, labels=labels))
