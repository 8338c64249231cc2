"""docs/spec.md is what the models say."""

from __future__ import annotations

from pathlib import Path

from inferstack.spec.accepted import Accepted
from inferstack.spec.defaults import TASKS
from inferstack.spec.json_schema import schema_of
from inferstack.spec.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "spec.md"


def test_the_page_is_up_to_date(request):
    if request.config.getoption("--update-golden", default=False):
        PAGE.write_text(reference(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `make golden` and review the diff"


def test_the_page_names_every_section_field_and_task():
    page = reference()
    for kind in ("workload", "environment"):
        schema = schema_of(kind)
        for section in (schema, *schema["$defs"].values()):
            assert all(f"| `{key}` |" in page for key in section.get("properties", ()))
        assert all(f"| `{key}` |" in page for key in Accepted(schema).keys(()))
    assert all(f"\n| {task} |" in page for task in TASKS)
    assert "{{" not in page
