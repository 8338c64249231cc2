"""What a spec accepts at a path, in words; read from the JSON Schema, so it cannot drift from the models."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inferstack.spec.yaml_lines import DocPath

Node = dict[str, Any]
"""A subschema."""


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of ``words`` that ``word`` was probably meant to be; case and punctuation count little."""
    scored = [(_likeness(_folded(word), _folded(candidate)), candidate) for candidate in sorted(words)]
    best = max(scored, key=lambda item: item[0], default=(0.0, ""))
    return best[1] if best[0] >= 0.6 else None


def _likeness(word: str, candidate: str) -> float:
    """Likeness from 0 to 1, and a little more for the same letters in another order, or the same start."""
    ratio = difflib.SequenceMatcher(None, word, candidate).ratio()
    return ratio + 0.1 * (sorted(word) == sorted(candidate)) + 0.05 * (word[:1] == candidate[:1])


def _folded(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum()) or word


@dataclass(frozen=True, slots=True)
class Accepted:
    """Reads one root schema."""

    root: Node

    def at(self, path: DocPath) -> tuple[Node, ...]:
        """Alternatives (references resolved, null left out) for the value at ``path``; empty: unknown key."""
        nodes = tuple(self._alternatives(self.root))
        for part in path:
            nodes = tuple(child for node in nodes for child in self._step(node, part))
        return nodes

    def _alternatives(self, node: Node) -> Iterator[Node]:
        if "$ref" in node:
            yield from self._alternatives(self.root["$defs"][node["$ref"].rpartition("/")[2]])
        elif "anyOf" in node or "oneOf" in node:
            for option in node.get("anyOf") or node["oneOf"]:
                yield from self._alternatives(option)
        elif node.get("type") != "null":
            yield node

    def _step(self, node: Node, part: str | int) -> Iterator[Node]:
        if isinstance(part, int):
            child = node.get("items")
        else:
            others = next(iter(node.get("patternProperties", {}).values()), node.get("additionalProperties"))
            child = node.get("properties", {}).get(part, others)
        if isinstance(child, dict):
            yield from self._alternatives(child)

    def keys(self, path: DocPath) -> tuple[str, ...]:
        """Keys that the section at ``path`` may have."""
        return tuple(key for node in self.at(path) for key in node.get("properties", {}))

    def elsewhere(self, key: str) -> str | None:
        """Where in the root's sections a key belongs: ``slo.ttftP95``; None when nowhere."""
        sections = self.keys(())
        return next((f"{section}.{key}" for section in sections if key in self.keys((section,))), None)

    def words(self, path: DocPath) -> str | None:
        """What the value at ``path`` may be: ``one of a, b``, ``a number from 0 to 1``."""
        said = dict.fromkeys(self._words(node) for node in self.at(path))
        return " or ".join(said) or None

    def _words(self, node: Node) -> str:
        if "const" in node:
            return str(node["const"])
        if "enum" in node:
            return ", ".join(map(str, node["enum"]))
        kind = node.get("type")
        if kind in ("number", "integer"):
            return str(node.get("$comment", _number_words(node)))
        if kind == "array":
            item = " or ".join(dict.fromkeys(map(self._words, self._alternatives(node["items"]))))
            return f"a list, each {item}"
        if kind == "object":
            keys = ", ".join(node.get("properties", ()))
            return f"a section with {keys}" if keys else "a section of `key: value` lines"
        return str(node.get("$comment", {"boolean": "true or false"}.get(str(kind), "text")))

    def choices(self, path: DocPath) -> tuple[str, ...]:
        """The values a choice at ``path`` has; empty where it is not a choice."""
        found: list[str] = []
        for node in self.at(path):
            found += [str(node["const"])] if "const" in node else map(str, node.get("enum", ()))
        return tuple(found)

    def example(self, path: DocPath) -> Any:
        """Some valid value for ``path``, to stand in for a missing one while the rest is checked."""
        node = self.at(path)[0]
        if "const" in node:
            return node["const"]
        stand_ins: Node = {"object": {}, "array": [], "number": 1, "integer": 1, "boolean": False}
        options = [*node.get("examples", ()), *node.get("enum", ())]
        return options[0] if options else stand_ins.get(str(node.get("type")), "example")


def _number_words(node: Node) -> str:
    whole = "whole number" if node["type"] == "integer" else "number"
    low, high, above = node.get("minimum"), node.get("maximum"), node.get("exclusiveMinimum")
    if above is not None:
        return f"a {whole} above {above:,}" + (f", at most {high:,.15g}" if high is not None else "")
    if low is not None and high is not None:
        return f"a {whole} from {low:,.15g} to {high:,.15g}"
    return f"a {whole}"
