"""Alertmanager itself accepts the configuration and sends each alert where it should go."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from components.alert_routes import AlertRoutes, alertmanager, workspace_definition
from components.iam import Place
from tests.promtool.tool import AMTOOL, tool

pytestmark = pytest.mark.promtool
NOBODY = AlertRoutes(
    environment="prod-eu", place=Place(account="123456789012", region="eu-central-1", cluster="c")
)
TOLD = replace(NOBODY, emails=("a@example.eu",), webhook=True)


@pytest.fixture(scope="module")
def amtool() -> Path:
    found = tool("amtool", AMTOOL)
    if isinstance(found, str):
        pytest.skip(found)
    return found


def ask(amtool: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(amtool), *arguments], capture_output=True, text=True, timeout=60, check=False)


def written(folder: Path, text: str) -> Path:
    path = folder / "alertmanager.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("routes", [NOBODY, TOLD], ids=["nobody", "told"])
def test_the_configuration_is_accepted(amtool: Path, routes: AlertRoutes, tmp_path: Path) -> None:
    managed = yaml.safe_load(workspace_definition(routes))["alertmanager_config"]
    for text in (yaml.safe_dump(alertmanager(routes)), managed):
        done = ask(amtool, "check-config", str(written(tmp_path, text)))
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("alertname=ModelTtftBurn", "severity=critical"), "team"),
        (("alertname=ModelTtftBurn", "severity=warning"), "team"),
        (("alertname=GpuIdle", "severity=info"), "nobody"),
        (("alertname=Watchdog", "severity=none"), "nobody"),
    ],
)
def test_alerts_go_where_they_should(
    amtool: Path, labels: tuple[str, ...], receiver: str, tmp_path: Path
) -> None:
    path = written(tmp_path, yaml.safe_dump(alertmanager(TOLD)))
    done = ask(amtool, "config", "routes", "test", f"--config.file={path}", *labels)
    assert done.stdout.split() == [receiver], done.stdout + done.stderr


def test_a_broken_configuration_is_refused(amtool: Path, tmp_path: Path) -> None:
    config = alertmanager(TOLD)
    config["route"]["receiver"] = "nowhere"
    assert ask(amtool, "check-config", str(written(tmp_path, yaml.safe_dump(config)))).returncode != 0
