"""Loading a policy pack from a directory, as Pulumi does: ours, or an organisation's own beside it.

A pack is a directory with ``PulumiPolicy.yaml`` and a package ``rules`` whose ``RULES`` lists the rules.
"""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import yaml

from inferstack.errors import InputError, Problem
from inferstack.policy.types import FAMILIES, EnvironmentRule, ResourceRule, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    directory: Path
    version: str
    rules: tuple[Rule, ...]

    def choose(self, ids: tuple[str, ...]) -> tuple[Rule, ...]:
        """The rules of these ids (all when none is named); InputError for an unknown one."""
        known = {rule.id: rule for rule in self.rules}
        wrong = [name for name in ids if name.upper() not in known]
        if wrong:
            names = ", ".join(known)
            raise InputError(*(Problem(message="no such rule", value=name, accepted=names) for name in wrong))
        wanted = {name.upper() for name in ids}
        return tuple(rule for rule in self.rules if not wanted or rule.id in wanted)


def load_pack(directory: Path) -> Pack:
    """The pack in ``directory``; InputError when it is none or its rules clash."""
    manifest = directory / "PulumiPolicy.yaml"
    package = directory / "rules" / "__init__.py"
    for path in (manifest, package):
        if not path.is_file():
            message = "not a policy pack: a file is missing"
            raise InputError(Problem(message=message, file=str(directory), value=path.name))
    document = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    version = str(document.get("version", "0")) if isinstance(document, dict) else "0"
    rules = tuple(getattr(_load(package), "RULES", ()))
    _check(rules, package)
    return Pack(directory=directory, version=version, rules=rules)


def _load(package: Path) -> ModuleType:
    """The package under a name of its own, so that packs do not meet; loaded once a process."""
    name = f"inferstack_pack_{abs(hash(package.resolve())):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(
        name, package, submodule_search_locations=[str(package.parent)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        del sys.modules[name]
        message = f"the pack cannot be loaded: {error}"
        raise InputError(Problem(message=message, file=str(package))) from error
    return module


def _check(rules: tuple[object, ...], package: Path) -> None:
    problems = [
        Problem(message="RULES holds something that is no rule", file=str(package), value=type(rule).__name__)
        for rule in rules
        if not isinstance(rule, ResourceRule | EnvironmentRule)
    ]
    ids = Counter(rule.id for rule in rules if isinstance(rule, Rule))
    problems += [
        Problem(message="two rules have the same id", file=str(package), value=name)
        for name, count in ids.items()
        if count > 1
    ]
    problems += [
        Problem(
            message="the id's family is unknown", file=str(package), value=name, accepted=", ".join(FAMILIES)
        )
        for name in ids
        if len(name.split("-")) != 3 or name.split("-")[1] not in FAMILIES
    ]
    if not rules:
        problems.append(Problem(message="RULES is empty or missing", file=str(package)))
    if problems:
        raise InputError(*problems)
