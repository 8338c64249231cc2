"""Everything `synth` writes about an environment, as texts by file name; same input, same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inferstack.cost.document import document as cost_document
from inferstack.engine import preview
from inferstack.engine.manifests import manifests
from inferstack.policy.sarif import sarif
from inferstack.review import report
from inferstack.review.folder import MANIFESTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferstack.policy.types import Rule
    from inferstack.review.verdict import Assessment
    from inferstack.sizing.types import EnvironmentPlan


def files(
    plan: EnvironmentPlan,
    assessment: Assessment,
    rules: Iterable[Rule],
    *,
    plan_document: Mapping[str, Any],
    policy_document: Mapping[str, Any],
    artifact: str | None,
) -> dict[str, str]:
    """Relative path → text. ``artifact``: the environment file's path in the repository, for SARIF viewers.

    The two documents are what `inferstack plan --json` and `inferstack policy --json` print.
    """
    found = {
        "plan.json": _json(plan_document),
        "preview.json": preview.dumps(preview.to_document(assessment.graph)),
        "cost.json": _json(cost_document(assessment.bill)),
        "policy.json": _json(policy_document),
        "policy.sarif": _json(sarif(assessment.policy, rules, artifact=artifact)),
        "report.html": report.html(plan, assessment),
        "report.md": report.markdown(plan, assessment),
    }
    return found | {f"{MANIFESTS}/{one.file}": one.text for one in manifests(assessment.graph)}


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
