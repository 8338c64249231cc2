"""A project of its own, deployed by the `inferstack` command under the real engine with echo providers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from inferstack.preflight.needs import needs_of
from tests.engine.harness import ROOT, Engine
from tests.example_graphs import graph

SECRET = "sk-a-secret-that-must-not-be-read"
COMMAND = str(Path(sys.executable).parent / "inferstack")


@dataclass
class Deployed:
    """A copy of the dev environment in a project of its own, and what the providers were asked to do.

    It lies inside the checkout, in a folder git ignores: Pulumi looks for the lock file of the virtual
    environment upwards from the project.
    """

    engine: Engine
    root: Path
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, *, init: bool = True) -> Deployed:
        """``init``: with a stack in a local backend and its secret in plain sight."""
        root = ROOT / ".inferstack" / f"engine-{uuid.uuid4().hex[:8]}"
        root.mkdir(parents=True)
        for name in ("stacks", "policies"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        text = (ROOT / "Pulumi.yaml").read_text().replace("virtualenv: .venv", "virtualenv: ../../.venv")
        assert "../../.venv" in text
        (root / "Pulumi.yaml").write_text(text)
        (root / ".venv").symlink_to(ROOT / ".venv")
        made = cls(Engine.prepare(folder / "home"), root, {"ECHO_LOG": str(folder / "echo.log")})
        if init:
            settings = root / "stacks/Pulumi.dev.yaml"
            lines = [f"  inferstack:{name}: {SECRET}" for name in secrets()]
            settings.write_text("\n".join([settings.read_text().rstrip(), *lines, ""]))
            assert made.pulumi("stack", "init", "dev").returncode == 0
        return made

    def remove(self) -> None:
        shutil.rmtree(self.root)

    def environment(self, **more: str) -> dict[str, str]:
        return self.engine.environment() | self.variables | more

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self._call([COMMAND, *arguments], **variables)

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._call(["pulumi", *arguments])

    def _call(self, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=400,
            check=False,
        )

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """A command in a process group of its own, to be killed with all it started."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.root,
            env=self.environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.root / "stacks/dev" / file
        text = path.read_text()
        assert text.count(old) == 1, text
        path.write_text(text.replace(old, new))

    def log(self) -> list[tuple[str, str]]:
        """(operation, URN) in the order the providers did them."""
        path = Path(self.variables["ECHO_LOG"])
        lines = path.read_text().splitlines() if path.exists() else []
        return [(operation, urn) for operation, _, urn in (line.partition("\t") for line in lines)]

    def clear_log(self) -> None:
        Path(self.variables["ECHO_LOG"]).unlink(missing_ok=True)

    def urns(self, operation: str) -> list[str]:
        return [urn for done, urn in self.log() if done == operation]

    def put_back_the_state(self) -> None:
        """What the message says when a kill cut the state file off."""
        folder = self.engine.home / "state/.pulumi/stacks/inferstack"
        for suffix in ("", ".attrs"):
            shutil.copy(folder / f"dev.json.bak{suffix}", folder / f"dev.json{suffix}")

    def state(self) -> dict[str, object]:
        folder = self.engine.home / "state/.pulumi/stacks/inferstack"
        return json.loads((folder / "dev.json").read_text())["checkpoint"]["latest"]


def secrets() -> tuple[str, ...]:
    """What the dev environment's stack must be given."""
    return needs_of(graph("dev")).missing_secrets


def ok(result: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    return json.loads(result.stdout)


def type_of(urn: str) -> str:
    """The resource's own type, without its parents'."""
    return urn.split("::")[2].rpartition("$")[2]
