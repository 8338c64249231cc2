"""A database beside the compliant environment."""

from __future__ import annotations

from typing import Any

from policy_graphs import ENVIRONMENT, PROVIDER, compliant, resource

from inferstack.resources import Resource


def with_database(**changes: Any) -> dict[str, Resource]:
    inputs = {
        "engine": "postgres",
        "storageEncrypted": True,
        "publiclyAccessible": False,
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        "backupRetentionPeriod": 35,
        **changes,
    }
    made = resource("aws:rds/instance:Instance", "database", inputs, parent=ENVIRONMENT, provider=PROVIDER)
    return compliant() | {made.urn: made}
