"""INF-SEC-012: vLLM is not older than the last release with known holes closed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from inferstack.policy.pods import POD_TYPES, all_containers, image
from inferstack.policy.types import (
    Context,
    ResourceRule,
    Severity,
    Verdict,
    fail,
)
from inferstack.resources import Resource
from inferstack.view import Undecided, View

FLOOR: Final = (0, 32, 0)
"""PYSEC-2026-4344: a chat template stops versions from 0.19 to before 0.32 (osv.dev, 2026-11-20)."""
VERSION: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[^\d.].*)?")


def version(tag: str | None) -> tuple[int, int, int]:
    """The release in a tag such as ``v0.33.0-x86_64``; Undecided when it names none."""
    match = VERSION.fullmatch(tag or "")
    if match is None:
        raise Undecided(f"the vLLM version of image tag {tag or '(none)'} is not established")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def check(view: View, resource: Resource, context: Context) -> Iterator[Verdict]:
    del context
    for container in all_containers(resource.type, view):
        parts = image(container.required_text("image"))
        if "vllm" not in parts.repository:
            continue
        found = version(parts.tag)
        if found < FLOOR:
            shown, floor = (".".join(map(str, numbers)) for numbers in (found, FLOOR))
            yield fail(f"container {container.text('name')} runs vLLM {shown}, older than {floor}")


RULE = ResourceRule(
    id="INF-SEC-012",
    title="vLLM is at or above the security floor",
    severity=Severity.CRITICAL,
    rationale=(
        "Older releases have remote code execution through video input and crashes through chat templates."
    ),
    remediation="Use vLLM 0.32.0 or later.",
    url="https://github.com/vllm-project/vllm/security/advisories",
    tags=("vllm", "cve"),
    frameworks=("PYSEC-2026-4344", "CVE-2026-22778", "CVE-2026-47155"),
    types=POD_TYPES,
    check=check,
)
