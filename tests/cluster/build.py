"""Builds the control plane from its Go modules: what is missing, nothing else, into ``.tools/cluster/bin``.

Run as ``python -m tests.cluster.build [--scaling]``. Exit code 0 also when Go is missing: the tests then say so and skip.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = HERE / "tools"
BIN = HERE.parents[1] / ".tools" / "cluster" / "bin"
VERSION_PACKAGE = "k8s.io/component-base/version"
OLDEST_GO_MINOR = 21
"""From here on Go gets itself the version a module asks for, or says that it may not."""
CERTIFICATE_SOURCE = "src/crypto/tls/generate_cert.go"


@dataclass(frozen=True, kw_only=True)
class Binary:
    """One program: the package that is compiled inside the module ``tools/<module>``."""

    name: str
    module: str
    package: str

    @property
    def path(self) -> Path:
        return BIN / self.name


BINARIES = (
    Binary(name="etcd", module="kubernetes", package="go.etcd.io/etcd/server/v3"),
    Binary(name="kube-apiserver", module="kubernetes", package="k8s.io/kubernetes/cmd/kube-apiserver"),
    Binary(
        name="kube-controller-manager",
        module="kubernetes",
        package="k8s.io/kubernetes/cmd/kube-controller-manager",
    ),
    Binary(name="kube-scheduler", module="kubernetes", package="k8s.io/kubernetes/cmd/kube-scheduler"),
    Binary(name="kwok", module="kwok", package="sigs.k8s.io/kwok/cmd/kwok"),
    Binary(name="lws-manager", module="lws", package="sigs.k8s.io/lws/cmd"),
)
SCALING = (
    Binary(name="keda", module="keda", package="github.com/kedacore/keda/v2/cmd/operator"),
    Binary(name="keda-adapter", module="keda", package="github.com/kedacore/keda/v2/cmd/adapter"),
    Binary(name="prometheus", module="prometheus", package="github.com/prometheus/prometheus/cmd/prometheus"),
)
"""Built only when asked for (``--scaling``): they take longer than all of the above."""
CERTIFICATES = BIN / "generate_cert"


def missing_go() -> str | None:
    """Why nothing can be built here."""
    if not shutil.which("go"):
        return "Go is not on PATH: the control plane is built from Go modules"
    done = subprocess.run(
        ["go", "env", "GOVERSION"], cwd=TOOLS / "kwok", capture_output=True, text=True, check=False
    )
    if done.returncode:
        return f"Go is too old: {done.stderr.strip()}"
    found = re.match(r"go1\.(\d+)", done.stdout)
    too_old = found is not None and int(found.group(1)) < OLDEST_GO_MINOR
    return f"{done.stdout.strip()} cannot fetch the Go version the modules ask for" if too_old else None


def missing() -> str | None:
    """Why the tier cannot run."""
    absent = [path.name for path in (*(one.path for one in BINARIES), CERTIFICATES) if not path.exists()]
    if not absent:
        return missing_go()  # resource definitions come out of Go's module cache
    return missing_go() or f"not built ({', '.join(absent)}): run `make test-cluster`"


def kubernetes_version() -> str:
    """The pinned ``vX.Y.Z``."""
    text = (TOOLS / "kubernetes" / "go.mod").read_text(encoding="utf-8")
    found = re.search(r"^\s*(?:require )?k8s\.io/kubernetes (v\S+)", text, re.MULTILINE)
    assert found, "tools/kubernetes/go.mod pins no k8s.io/kubernetes"
    return found.group(1)


def module_directory(module: str, path: str) -> Path:
    """Where Go keeps the sources of a module that ``tools/<module>`` requires."""
    done = _go("list", "-m", "-f", "{{.Dir}}", path, module=module)
    return Path(done.strip())


def build(binaries: Sequence[Binary] = BINARIES) -> list[str]:
    """Compiles what is missing or was built from other pins; returns what was built."""
    BIN.mkdir(parents=True, exist_ok=True)
    built = []
    if not CERTIFICATES.exists():
        root = Path(_go("env", "GOROOT").strip())
        _go("build", "-o", str(CERTIFICATES), str(root / CERTIFICATE_SOURCE))
        built.append(CERTIFICATES.name)
    stamps = _stamps()
    for binary in binaries:
        pins = _pins(binary.module)
        if binary.path.exists() and stamps.get(binary.name) == pins:
            continue
        tell(f"building {binary.name} (go build, {binary.package})")
        _compile(binary)
        stamps[binary.name] = pins
        (BIN / "pins.json").write_text(json.dumps(stamps, indent=1, sort_keys=True), encoding="utf-8")
        built.append(binary.name)
    return built


def _compile(binary: Binary) -> None:
    major, minor = kubernetes_version().removeprefix("v").split(".")[:2]
    versions = {"gitVersion": kubernetes_version(), "gitMajor": major, "gitMinor": minor}
    flags = ["-s", "-w"]
    if binary.module == "kubernetes":
        flags += [f"-X {VERSION_PACKAGE}.{name}={value}" for name, value in versions.items()]
    target = str(binary.path)
    options = ("-p", "2", "-trimpath", "-ldflags", " ".join(flags), "-o", target)
    _go("build", *options, binary.package, module=binary.module)


def _pins(module: str) -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((TOOLS / module / name).read_bytes())
    return digest.hexdigest()


def _stamps() -> dict[str, str]:
    file = BIN / "pins.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def _go(*arguments: str, module: str | None = None) -> str:
    where = TOOLS / module if module else TOOLS
    settings = {**os.environ, "CGO_ENABLED": "0"}  # no C compiler needed, nothing linked to the machine
    done = subprocess.run(
        ["go", *arguments], cwd=where, env=settings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"error: go {' '.join(arguments)} failed in {where.name}:\n{done.stderr[-4000:]}")
    return done.stdout


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> None:
    if reason := missing_go():
        tell(f"skipped: {reason}")
        return
    started = time.monotonic()
    built = build((*BINARIES, *SCALING) if "--scaling" in sys.argv[1:] else BINARIES)
    if built:
        tell(f"built {', '.join(built)} in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
