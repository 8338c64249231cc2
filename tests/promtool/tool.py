"""Prometheus' promtool and Alertmanager's amtool, built from their Go modules once and kept in ``.tools``."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
VERSION = "v0.316.0"
"""Of the module; v0.316 is Prometheus 3.16."""
MODULE = f"github.com/prometheus/prometheus/cmd/promtool@{VERSION}"
AMTOOL = "github.com/prometheus/alertmanager/cmd/amtool@v0.34.1"
BUILD_SECONDS = 1500


@dataclass(frozen=True)
class Promtool:
    path: Path

    def check(self, rules: Path) -> subprocess.CompletedProcess[str]:
        """Syntax, durations and templates of a rules file; duplicate rules are errors too."""
        return self._run("check", "rules", "--lint=all", "--lint-fatal", str(rules))

    def test(self, document: object, folder: Path) -> subprocess.CompletedProcess[str]:
        """Runs a unit test document; its rule files lie in ``folder``."""
        path = folder / "unit.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return self._run("test", "rules", str(path))

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.path), *arguments], capture_output=True, text=True, timeout=300, check=False
        )


def find() -> Promtool | str:
    """The tool, or why there is none. ``PROMTOOL`` names one that is already there."""
    found = tool("promtool", MODULE)
    return Promtool(found) if isinstance(found, Path) else found


def tool(name: str, module: str) -> Path | str:
    """A program of a Go module, built once; or why it cannot be had."""
    if given := os.environ.get(name.upper()):
        return Path(given)
    built = ROOT / ".tools" / f"{name}-{module.rpartition('@')[2]}" / name
    if built.exists():
        return built
    go = shutil.which("go")
    if go is None:
        return f"no Go on PATH to build {name} with, and {name.upper()} names none"
    return _build(go, module, built)


def _build(go: str, module: str, built: Path) -> Path | str:
    built.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"GOBIN": str(built.parent)}
    command = [go, "install", "-p", "2", module]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{built.name} was not built within {BUILD_SECONDS} s"
    if done.returncode != 0:
        return f"{built.name} could not be built: {done.stderr.strip().splitlines()[-1:]}"
    return built
