"""Brings the gateway's teams and keys to what the environment declares; running it again changes nothing.

Reads ``teams.json`` beside itself, the address from ``GATEWAY_URL``, the master key from
``LITELLM_MASTER_KEY`` and, for each team, a key from ``TEAM_KEY_<NAME>`` where there is one. A team that is
no longer declared is blocked, not deleted: its spend stays on record. Teams made by hand are left alone.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

MARK = {"managed_by": "inferstack"}
ATTEMPTS = 60
PAUSE_S = 5.0


class Gateway:
    """LiteLLM's management API."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url.rstrip("/"), key

    def call(self, path: str, body: Any = None) -> Any:
        """The answer; HTTPError for a refusal."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers)  # noqa: S310 - the Service's address
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - as above
            return json.loads(response.read() or b"null")

    def wait(self) -> None:
        """Until it answers and has its database; the pods may still be starting."""
        for _ in range(ATTEMPTS):
            try:
                if self.call("/health/readiness").get("db") == "connected":
                    return
            except OSError as error:
                print(f"not ready: {error}")  # noqa: T201 - the job's log
            time.sleep(PAUSE_S)
        sys.exit("the gateway did not become ready with its database")


def wanted(team: dict[str, Any]) -> dict[str, Any]:
    """A declared team as LiteLLM writes it; limits that are not declared are lifted."""
    budget = team.get("max_budget_usd")
    return {
        "team_id": f"inferstack-{team['name']}",
        "team_alias": team["name"],
        "models": team["models"],
        "max_budget": budget,
        "budget_duration": "1mo" if budget is not None else None,
        "rpm_limit": team.get("rpm"),
        "tpm_limit": team.get("tpm"),
        "blocked": False,
        "metadata": MARK,
    }


def apply(gateway: Gateway, teams: list[dict[str, Any]]) -> None:
    known = {item["team_id"]: item for item in gateway.call("/team/list")}
    for team in teams:
        body = wanted(team)
        exists = body["team_id"] in known
        gateway.call("/team/update" if exists else "/team/new", body)
        print(f"{team['name']}: {'updated' if exists else 'made'}")  # noqa: T201
        ensure_key(gateway, team["name"], body["team_id"])
    declared = {wanted(team)["team_id"] for team in teams}
    for team_id, item in known.items():
        if (item.get("metadata") or {}).items() >= MARK.items() and team_id not in declared:
            gateway.call("/team/block", {"team_id": team_id})
            print(f"{item.get('team_alias') or team_id}: blocked, no longer declared")  # noqa: T201


def ensure_key(gateway: Gateway, name: str, team_id: str) -> None:
    """The team's own key, when the environment brings one; LiteLLM keeps its hash only."""
    key = os.environ.get("TEAM_KEY_" + name.upper().replace("-", "_"))
    if not key:
        return
    try:
        gateway.call("/key/generate", {"key": key, "key_alias": f"inferstack-{name}", "team_id": team_id})
    except urllib.error.HTTPError as error:
        if error.code not in (400, 409):
            raise
        # there already: the alias and the key are taken, by an earlier run
        gateway.call("/key/update", {"key": key, "team_id": team_id})
    print(f"{name}: has its key")  # noqa: T201


def main() -> None:
    gateway = Gateway(os.environ["GATEWAY_URL"], os.environ["LITELLM_MASTER_KEY"])
    gateway.wait()
    apply(gateway, json.loads(Path(__file__).with_name("teams.json").read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
