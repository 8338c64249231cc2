"""The real engine for tests: `pulumi` on a local backend with echo providers, nothing outside a temp folder."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROVIDERS = {"aws": "pulumi-aws", "kubernetes": "pulumi-kubernetes"}


@dataclass(frozen=True)
class Engine:
    """A Pulumi home with our providers; ``preview`` runs the CLI as a user would."""

    home: Path

    @classmethod
    def prepare(cls, folder: Path) -> Engine:
        engine = cls(folder)
        (folder / "state").mkdir(parents=True)
        for name, package in PROVIDERS.items():
            version = importlib.metadata.version(package)
            plugin = folder / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"
            plugin.parent.mkdir(parents=True)
            plugin.write_text(
                f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "tests/engine/echo_provider.py"}" {version}\n'
            )
            plugin.chmod(0o755)
        return engine

    def environment(self) -> dict[str, str]:
        kept = {
            key: os.environ[key] for key in ("HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH") if key in os.environ
        }
        tools = (str(ROOT / ".tools/bin"), str(Path(sys.executable).parent), os.environ["PATH"])
        return kept | {
            "PATH": os.pathsep.join(tools),
            "PULUMI_HOME": str(self.home),
            "PULUMI_BACKEND_URL": f"file://{self.home / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "tests only",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
            "UV_OFFLINE": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }

    def preview(
        self, project: Path, stack: str, config: dict[str, object], *arguments: str, json_: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """`pulumi preview` of a stack that was never deployed; nothing is written into the project."""
        settings = self.home / f"Pulumi.{stack}.yaml"
        settings.write_text(yaml.safe_dump({"config": config}))
        self._make_stack(yaml.safe_load((project / "Pulumi.yaml").read_text())["name"], stack)
        command = ["pulumi", "preview", "--stack", f"organization/{self._project(project)}/{stack}"]
        command += [
            "--config-file",
            str(settings),
            "--non-interactive",
            *(["--json"] if json_ else []),
            *arguments,
        ]
        return subprocess.run(
            command,
            cwd=project,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def _project(self, project: Path) -> str:
        return yaml.safe_load((project / "Pulumi.yaml").read_text())["name"]

    def _make_stack(self, project: str, stack: str) -> None:
        """An empty checkpoint, as `pulumi stack init` writes it, without a settings file in the project."""
        file = self.home / "state" / ".pulumi" / "stacks" / project / f"{stack}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            json.dumps({"version": 3, "checkpoint": {"stack": f"organization/{project}/{stack}"}})
        )


def missing() -> str | None:
    """Why the real engine cannot run here; None when it can."""
    for tool in ("pulumi", "pulumi-language-python"):
        if shutil.which(tool) is None:
            return f"`{tool}` is not on PATH"
    if shutil.which("uv") is None and not (ROOT / ".tools/bin/uv").exists():
        return "`uv` is neither on PATH nor in .tools/bin (make setup)"
    return None
