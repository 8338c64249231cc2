"""Names in the gateway's namespace that several of its objects refer to."""

from __future__ import annotations

from typing import Final

from components import kube

NAMESPACE: Final = "llm-gateway"
APP: Final = "litellm"
PORT: Final = 4000
LABELS: Final = {kube.LABEL_APP: APP}
MASTER_SECRET: Final = "gateway-master-key"  # noqa: S105 - a name, not a secret
PROVIDER_SECRET: Final = "gateway-provider-keys"  # noqa: S105 - as above
DATABASE_SECRET: Final = "gateway-database"  # noqa: S105 - as above
DATABASE_CONFIG: Final = "gateway-database"
CACHE_CONFIG: Final = "gateway-cache"
TEAM_SECRET: Final = "gateway-team-keys"  # noqa: S105 - as above
TEAMS_APP: Final = "gateway-teams"
URL: Final = f"http://{APP}.{NAMESPACE}.svc.cluster.local:{PORT}"
