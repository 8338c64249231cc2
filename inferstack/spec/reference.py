"""The reference of every field (docs/spec.md), made from the models, so that it cannot drift from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inferstack.spec.accepted import Accepted
from inferstack.spec.defaults import AVAILABILITY, DEFAULTS, PEAK_TO_AVERAGE
from inferstack.spec.json_schema import schema_of
from inferstack.spec.quantities import percent_text

if TYPE_CHECKING:
    from inferstack.spec.json_schema import Kind
    from inferstack.spec.yaml_lines import DocPath

PROSE: Final = Path(__file__).parent / "data" / "reference.md"


def reference() -> str:
    """The whole page, in Markdown: prose with the tables put in."""
    text = PROSE.read_text(encoding="utf-8")
    parts = {
        "workload": _kind("workload"),
        "environment": _kind("environment"),
        "presets": _presets(),
        "availability": percent_text(AVAILABILITY),
        "peak": f"{PEAK_TO_AVERAGE:g}",
    }
    for name, part in parts.items():
        text = text.replace("{{" + name + "}}", part)
    return text


def _kind(kind: Kind) -> str:
    """Tables of one kind: the top, then each section in order."""
    accepted = Accepted(schema_of(kind))
    lines = [f"## {kind.capitalize()}", "", accepted.root["description"], "", *_table(accepted, ())]
    for path in _sections(accepted, ()):
        lines += ["", f"### `{_name(path)}`", "", _section(accepted, path)["description"], ""]
        lines += _table(accepted, path)
    return "\n".join([*lines, ""])


def _name(path: DocPath) -> str:
    return "".join("[]" if part == 0 else f".{part}" for part in path).removeprefix(".")


def _section(accepted: Accepted, path: DocPath) -> dict[str, Any]:
    return next(node for node in accepted.at(path) if "properties" in node)


def _sections(accepted: Accepted, path: DocPath) -> list[DocPath]:
    """Paths of all sections below ``path``, depth first; elements of lists as index 0."""
    found: list[DocPath] = []
    for key in _section(accepted, path)["properties"]:
        for child in ((*path, key), (*path, key, 0)):
            if any("properties" in node for node in accepted.at(child)):
                found += [child, *_sections(accepted, child)]
    return found


def _table(accepted: Accepted, path: DocPath) -> list[str]:
    section = _section(accepted, path)
    required = section.get("required", ())
    rows = ["| field | accepted | default | meaning |", "| --- | --- | --- | --- |"]
    for key, node in section["properties"].items():
        default = "required" if key in required else _default(node)
        meaning = node.get("description") or accepted.at((*path, key))[0].get("description", "")
        cells = (f"`{key}`", accepted.words((*path, key)) or "", default, meaning)
        rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return rows


def _default(node: dict[str, Any]) -> str:
    value = node.get("default")
    if value is None or isinstance(value, dict) or value == []:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _presets() -> str:
    lines = []
    for task, preset in DEFAULTS.items():
        tokens = [
            f"{mean:,.0f} ({mean * spread:,.0f})"
            for mean, spread in (
                (preset.input_tokens, preset.input_p95_over_mean),
                (preset.output_tokens, preset.output_p95_over_mean),
            )
        ]
        levels = [_ms(value) for value in (preset.ttft_p95_ms, preset.itl_p95_ms, preset.e2e_p95_ms)]
        lines.append("| " + " | ".join((task, *levels, *tokens, preset.source)) + " |")
    return "\n".join(lines)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:g} ms"
