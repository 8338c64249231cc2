"""`make bench`: medians of five runs against the promised numbers, as a table and in docs/benchmarks.md."""

from __future__ import annotations

import filecmp
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.in_process import in_process_rows
from tests.bench.row import Row

ROOT = Path(__file__).resolve().parents[2]
INFERSTACK = str(Path(sys.executable).with_name("inferstack"))
RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    wall_s: float
    peak_mib: float


def run_once(*arguments: str) -> Run:
    """One whole process: wall time and the peak resident memory that the kernel counted for it."""
    started = time.perf_counter()
    pid = os.posix_spawn(
        INFERSTACK,
        [INFERSTACK, *arguments],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"inferstack {' '.join(arguments)} failed with {os.waitstatus_to_exitcode(status)}")
    return Run(wall_s=time.perf_counter() - started, peak_mib=usage.ru_maxrss / 1024)


def command_rows(out: Path) -> list[Row]:
    """The three commands with a promise, timed as a user meets them."""
    rows = []
    for label, limit_s, limit_mib, arguments in (
        ("inferstack --help", 0.3, None, ("--help",)),
        ("plan of one workload", 1.0, None, ("plan", "stacks/prod-eu/workloads/chat.yaml")),
        ("synth prod-eu", 4.0, 500, ("synth", "prod-eu", "--out", str(out / "a"))),
    ):
        runs = [run_once(*arguments) for _ in range(RUNS)]
        rows.append(Row.seconds(label, [r.wall_s for r in runs], limit_s))
        if limit_mib:
            rows.append(Row.mebibytes(f"{label}, peak memory", [r.peak_mib for r in runs], limit_mib))
    return rows


def identical_row(out: Path) -> Row:
    """Two synths of the same environment, compared byte for byte."""
    run_once("synth", "prod-eu", "--out", str(out / "b"))
    files = sorted(p.relative_to(out / "a") for p in (out / "a").rglob("*") if p.is_file())
    others = sorted(p.relative_to(out / "b") for p in (out / "b").rglob("*") if p.is_file())
    _, differing, unreadable = filecmp.cmpfiles(out / "a", out / "b", [str(f) for f in files], shallow=False)
    same = files == others and not differing and not unreadable
    return Row.claim("two synths byte-identical", f"{len(files)} files", holds=same)


def main() -> None:
    """Measure, print, write docs/benchmarks.md; exit 1 when a promise is broken."""
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        rows = [*command_rows(out), identical_row(out), *in_process_rows()]
    table = ["| what | median of 5 | spread | promised | kept |", "|---|---|---|---|---|", *map(str, rows)]
    print("\n".join(table))
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    Path("docs/benchmarks.md").write_text(
        "# Benchmarks\n\n"
        "Made by `make bench`: whole processes, wall time, median of five. Speed depends on the machine; "
        f"this one: {machine}. AIConfigurator 0.12 was measured on such a machine too: processor time of one\n"
        "`aiconfigurator cli default` for Llama 3.1 70B on 8 H100 (recorded with its command line in\n"
        "`tests/data/measurements/aiconfigurator.json`).\n\n" + "\n".join(table) + "\n",
        encoding="utf-8",
    )
    medians_kept = all(row.kept for row in rows)
    sys.exit(0 if medians_kept else 1)


if __name__ == "__main__":
    main()
