"""`docs/policies.md`, written from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from inferstack.policy.types import FAMILIES, ResourceRule, Rule

INTRODUCTION: Final = """\
# Policy rules

Written from the rules by `make golden`; edit `policies/rules/<rule>.py`, not this page.

`inferstack policy ENV` judges what the program would deploy, offline. The same pack runs in the engine:
`pulumi preview --policy-pack policies`. Both give the same verdict.

A rule ends in one of four outcomes:

- **pass**: everything it looked at is in order.
- **fail**: something is not. A mandatory rule blocks, an advisory one warns.
- **indeterminate**: it needs a value that is decided at deployment, or a fact that nobody established. It
  counts as fail where the environment is strict (`policy.strict`, the default), and is never silent.
- **not applicable**: nothing of its kind is there.

## Waivers

An accepted exception is data, in the file that `policy.waivers` names. It is reported wherever it is used,
and fails the check (INF-GOV-001) from the day after it expires.

```yaml
apiVersion: inferstack/v1
kind: Waivers
waivers:
- rule: INF-LIC-008          # a rule's id
  scope: support-chat        # a workload, a resource name or a URN; * and ? match anything
  owner: team-legal
  reason: '"Built with Llama" is shown in the chat window since release 4.2'
  expires: 2027-03-31        # the last day it holds
```

An environment with `policy.level: advisory` only warns. An organisation can keep a pack of its own beside
this one: `inferstack policy ENV --pack DIR`.
"""


def reference(rules: Iterable[Rule]) -> str:
    """The page, as Markdown."""
    return "\n".join(_lines(tuple(rules))) + "\n"


def _lines(rules: tuple[Rule, ...]) -> Iterator[str]:
    yield INTRODUCTION
    order = list(FAMILIES.values())
    ordered = sorted(rules, key=lambda rule: (order.index(rule.family), rule.id))
    for family, members in groupby(ordered, key=lambda rule: rule.family):
        yield f"## {family.capitalize()}"
        yield ""
        for rule in members:
            yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    judged = "all resources together"
    if isinstance(rule, ResourceRule):
        judged = "each " + ", ".join(f"`{kind}`" for kind in rule.types)
    yield f"### {rule.id}"
    yield ""
    yield f"**{rule.title}.** {rule.severity.capitalize()}, {rule.level}. Judges {judged}."
    yield ""
    yield rule.rationale
    yield ""
    yield f"*Fix:* {rule.remediation} [Reference]({rule.url})."
    if rule.frameworks:
        yield ""
        yield f"*Frameworks:* {', '.join(rule.frameworks)}."
    yield ""
