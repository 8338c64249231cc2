"""Brings the gateway's teams and keys to what the environment declares; running it again changes nothing.

Reads ``teams.json`` beside itself, the address from ``GATEWAY_URL``, the master key from
``LITELLM_MASTER_KEY`` and, for each team, a key from ``TEAM_KEY_<NAME>`` where there is one. A team's new key
works before its old one is taken away. A team that is no longer declared is blocked, not deleted: its spend
stays on record. Teams and keys made by hand are left alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

MARK = {"managed_by": "inferstack"}
PREFIX = "inferstack-"
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
        "team_id": PREFIX + team["name"],
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
    keys = {
        team["name"]: os.environ.get("TEAM_KEY_" + team["name"].upper().replace("-", "_")) for team in teams
    }
    kept = {digest(key) for key in keys.values() if key}
    for team in teams:
        body, key = wanted(team), keys[team["name"]]
        found = known.get(body["team_id"])
        gateway.call("/team/new" if found is None else "/team/update", body)
        print(f"{team['name']}: {'made' if found is None else 'updated'}")  # noqa: T201
        if key:
            apply_key(gateway, team["name"], key, found or {}, kept)
    declared = {wanted(team)["team_id"] for team in teams}
    for team_id, item in known.items():
        if managed(item) and team_id not in declared and not item.get("blocked"):
            gateway.call("/team/block", {"team_id": team_id})
            print(f"{item.get('team_alias') or team_id}: blocked, no longer declared")  # noqa: T201


def apply_key(gateway: Gateway, name: str, key: str, team: dict[str, Any], kept: set[str]) -> None:
    """The team's own key, of which LiteLLM keeps a hash; the former one goes, unless it is another's now."""
    present = {item["token"]: item for item in team.get("keys") or ()}
    if digest(key) not in present:
        alias = f"{PREFIX}{name}-{digest(key)[:8]}"
        body = {"key": key, "key_alias": alias, "team_id": f"{PREFIX}{name}", "metadata": MARK}
        gateway.call("/key/generate", body)
        print(f"{name}: has its key")  # noqa: T201
    ours = {
        token for token, item in present.items() if managed(item) or item.get("key_alias") == PREFIX + name
    }
    old = sorted(ours - kept)
    if old:
        gateway.call("/key/delete", {"keys": old})
        print(f"{name}: its former key is no longer valid")  # noqa: T201


def managed(item: dict[str, Any]) -> bool:
    return (item.get("metadata") or {}).items() >= MARK.items()


def digest(key: str) -> str:
    """As LiteLLM names a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def main() -> None:
    gateway = Gateway(os.environ["GATEWAY_URL"], os.environ["LITELLM_MASTER_KEY"])
    gateway.wait()
    apply(gateway, json.loads(Path(__file__).with_name("teams.json").read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
