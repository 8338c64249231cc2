"""The report page in a real Chromium: laid out, complete, self-contained."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
PROBE = """
<script>
addEventListener("load", () => {
  const root = document.documentElement, style = getComputedStyle(document.body);
  const wide = [...document.querySelectorAll("body *")].filter(
    e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("[data-scrolls], pre, .scroll, table"));
  document.querySelectorAll("details").forEach(d => { d.open = true; });
  document.title = JSON.stringify({
    overflow: root.scrollWidth - innerWidth, wide: wide.length, text: document.body.innerText.length,
    background: style.backgroundColor, colour: style.color,
    hidden: [...document.querySelectorAll("section, article")].filter(e => e.getBoundingClientRect().height < 1).length,
  });
});
</script>
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH"),
]


@pytest.fixture(scope="module")
def synth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "prod-eu"
    command = [str(Path(sys.executable).with_name("inferstack")), "synth", "prod-eu", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return out


def measure(page: Path, tmp_path: Path, *flags: str) -> dict[str, object]:
    """What the page looks like after layout, as the probe reports it."""
    probed = tmp_path / "probed.html"
    probed.write_text(
        page.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8"
    )
    dom = dump(probed, tmp_path, *flags)
    title = re.search(r"<title>(\{.*?\})</title>", dom)
    assert title, "the page never finished loading"
    return json.loads(title[1])


def dump(page: Path, tmp_path: Path, *flags: str) -> str:
    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            *flags,
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("width", [1280, 500])
def test_nothing_runs_off_the_page(synth: Path, tmp_path: Path, width: int) -> None:
    seen = measure(synth / "report.html", tmp_path, f"--window-size={width},1200")
    assert seen["overflow"] <= 0, seen
    assert seen["wide"] == 0, seen
    assert seen["hidden"] == 0, seen
    assert seen["text"] > 2000, "an almost empty page"


def test_dark_and_light_schemes_both_contrast(synth: Path, tmp_path: Path) -> None:
    light = measure(synth / "report.html", tmp_path, "--blink-settings=preferredColorScheme=1")
    dark = measure(synth / "report.html", tmp_path, "--blink-settings=preferredColorScheme=0")
    for seen in (light, dark):
        assert abs(luminance(seen["background"], default=255) - luminance(seen["colour"], default=0)) > 100, (
            seen
        )


def luminance(colour: object, *, default: int) -> float:
    red, green, blue, *alpha = (float(n) for n in re.findall(r"[\d.]+", str(colour)))
    return default if alpha == [0.0] else 0.3 * red + 0.59 * green + 0.11 * blue


def test_the_page_says_what_the_files_say(synth: Path, tmp_path: Path) -> None:
    dom = dump(synth / "report.html", tmp_path)
    bill = json.loads((synth / "cost.json").read_text(encoding="utf-8"))
    plan = json.loads((synth / "plan.json").read_text(encoding="utf-8"))
    assert f"${Decimal(bill['total_monthly']):,}" in dom
    for workload in plan["workloads"]:
        assert workload["workload"] in dom
        assert workload["chosen"]["instance_type"] in dom
    caches = [w["chosen"]["fit"]["kv_cache_tokens"] for w in plan["workloads"]]
    assert 0 in caches, "the embedding model keeps none"
    assert re.findall(r"GiB per GPU, ([\d,]+) tokens", dom) == [f"{n:,}" for n in caches if n]


def test_the_page_needs_nothing_from_outside(synth: Path) -> None:
    text = (synth / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", text)
    assert "@import" not in text
    assert not re.findall(r"url\(\s*['\"]?https?:", text)
