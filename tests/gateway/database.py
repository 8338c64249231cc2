"""What the database tests need: the deployed gateway with a database, its job, and engines that it runs on.

LiteLLM's client speaks to PostgreSQL through Prisma's query engine, and migrates with its schema engine. Both
are programs that an installation downloads; here they are looked for in the environment and on PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.gateway_database import AUTHORITY
from inferstack.engine.graph import Graph
from tests.components.running import manifest
from tests.gateway.fake_backend import FakeBackend
from tests.gateway.postgres import PASSWORD, Server
from tests.gateway.proxy import LITELLM, MASTER_KEY, Proxy, rewritten, running
from tests.loopback import HOST

ROOT = Path(__file__).parents[2]
PRISMA = ROOT / ".tools" / "prisma"
URL = """
from litellm.proxy.db.db_url_settings import translate_libpq_ssl_params
from litellm.proxy.utils import construct_database_url_from_env_vars
print(translate_libpq_ssl_params(construct_database_url_from_env_vars()))
"""
"""As LiteLLM's command does."""
ENGINES = {"PRISMA_QUERY_ENGINE_BINARY": "query-engine", "PRISMA_SCHEMA_ENGINE_BINARY": "schema-engine"}


def engines() -> dict[str, str]:
    """Variable and program of each engine that can be found."""
    found = {name: os.environ.get(name) or shutil.which(program) for name, program in ENGINES.items()}
    return {name: path for name, path in found.items() if path and Path(path).is_file()}


def missing() -> str | None:
    """Why the tests cannot run; None when they can."""
    if not LITELLM.is_file():
        return "LiteLLM is not installed; `make test-gateway` does it"
    if not (PRISMA / ".synced").is_file():
        return "Prisma's CLI is not installed; `make test-gateway` does it where there is npm"
    absent = sorted(ENGINES.keys() - engines().keys())
    if absent:
        return (
            f"no {' and no '.join(ENGINES[name] for name in absent)} of Prisma 5.4: put it on PATH or "
            f"its path into {' and '.join(absent)}"
        )
    return None


@dataclass(frozen=True)
class Deployed:
    """The gateway's manifests."""

    config: dict[str, Any]
    program: str
    container: dict[str, Any]
    address: Mapping[str, str]
    """How it finds its database."""
    job: Mapping[str, str]
    """The files of the job that brings the teams."""


def deployed(graph: Graph) -> Deployed:
    pod = manifest(graph, "Deployment", "litellm")["spec"]["template"]["spec"]
    data = manifest(graph, "ConfigMap", pod["volumes"][0]["configMap"]["name"])["data"]
    jobs = [item.inputs for item in graph.of_type("kubernetes:batch/v1:Job") if "teams" in item.name]
    job = json.loads(json.dumps(jobs[0], default=dict))["spec"]["template"]["spec"]["volumes"][0]["configMap"]
    return Deployed(
        config=yaml.safe_load(data["config.yaml"]),
        program=data["gateway_guard.py"],
        container=json.loads(json.dumps(pod["containers"][0], default=dict)),
        address=dict(manifest(graph, "ConfigMap", "gateway-database")["data"]),
        job=dict(manifest(graph, "ConfigMap", job["name"])["data"]),
    )


def connection(found: Deployed, server: Server, authority: Path) -> dict[str, str]:
    """The variables that say how the database is reached; those of addresses and files are this machine's."""
    local = {
        "DATABASE_HOST": server.address,
        "DATABASE_PASSWORD": PASSWORD,
        "DATABASE_SSLROOTCERT": str(authority),
    }
    return {**{name: text for name, text in found.address.items() if name != AUTHORITY}, **local}


def refusal(found: Deployed, server: Server, authority: Path) -> str:
    """Why Prisma does not connect by the URL that LiteLLM makes of these variables; empty when it does."""
    program = [str(LITELLM.parent / "python"), "-c", URL]
    environment = {"PATH": os.environ["PATH"], **connection(found, server, authority)}
    made = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    url = made.stdout.splitlines()[-1]
    asked = [engines()["PRISMA_SCHEMA_ENGINE_BINARY"], "cli", "--datasource", url, "can-connect-to-database"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@contextmanager
def replica(
    folder: Path,
    found: Deployed,
    server: Server,
    backends: tuple[FakeBackend, FakeBackend],
    valkey: int | None,
    more: Mapping[str, str] | None = None,
) -> Iterator[Proxy]:
    """One pod of the deployment, beside others on the same database."""
    folder.mkdir()
    values = {
        **connection(found, server, server.certificate),
        "LITELLM_MIGRATION_DIR": str(folder / "migrations"),
        # of the image
        **engines(),
        "PRISMA_BINARY_CACHE_DIR": str(PRISMA),
        "PATH": f"{LITELLM.parent}{os.pathsep}{os.environ['PATH']}",
        **({} if valkey is None else {"VALKEY_PORT": str(valkey)}),
        **(more or {}),
    }
    config = rewritten(found.config, *backends, search=valkey is not None)
    with running(folder, config, found.program, found.container, values) as proxy:
        yield proxy


def apply_teams(
    folder: Path, files: Mapping[str, str], gateway: Proxy, keys: Mapping[str, str]
) -> Sequence[str]:
    """The job, once; what it printed."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    environment = {
        "GATEWAY_URL": f"http://{HOST}:{gateway.port}",
        "LITELLM_MASTER_KEY": MASTER_KEY,
        **{f"TEAM_KEY_{team.upper().replace('-', '_')}": key for team, key in keys.items()},
    }
    program = [sys.executable, str(folder / "apply_teams.py")]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()
