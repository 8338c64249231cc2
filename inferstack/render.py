"""Text from templates: jinja2 with StrictUndefined; YAML and JSON results are handed on parsed.

Templates live in the project's `templates/`. A name that a template uses and nobody supplied is an error at
render time, so a dashboard or an alert rule can never silently lose a value.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import jinja2

_PACKAGED = Path(__file__).parent / "_templates"
_CHECKOUT = Path(__file__).parent.parent / "templates"


def templates_dir() -> Path:
    """The template folder: inside an installed wheel, else beside the package in a checkout."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415 - half of the commands never render

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir()),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html", "html.j2"), default=False),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_text(template: str, values: Mapping[str, object]) -> str:
    """The text of ``templates/<template>``; jinja2.UndefinedError names what is missing."""
    return _environment().get_template(template).render(values)


def render_yaml(template: str, values: Mapping[str, object]) -> Any:
    """The parsed YAML document of a template."""
    from inferstack.plain_yaml import parse_yaml  # noqa: PLC0415 - as above

    return parse_yaml(render_text(template, values))


def render_json(template: str, values: Mapping[str, object]) -> Any:
    """The parsed JSON document of a template (Grafana dashboards)."""
    import json  # noqa: PLC0415 - as above

    return json.loads(render_text(template, values))
