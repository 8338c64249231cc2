"""`inferstack schema`: the JSON Schema that editors and other tools read."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from inferstack.cli.output import emit_json

if TYPE_CHECKING:
    from inferstack.spec.json_schema import Kind


@click.command(epilog="Exit code: 0.")
@click.argument("kind", type=click.Choice(["workload", "environment"]))
@click.option("--json", "as_json", is_flag=True, help="The default: a schema is JSON.")
def schema(kind: str, *, as_json: bool) -> None:
    """Print the JSON Schema (draft 2020-12) of a kind of spec file.

    \b
    Examples:
      inferstack schema workload > workload.schema.json
      # then, on top of a file, for editors with the YAML language server:
      # yaml-language-server: $schema=workload.schema.json
    """
    del as_json
    from inferstack.spec.json_schema import schema_of

    emit_json(schema_of(cast("Kind", kind)))
