"""`inferstack catalog list|show`: read the catalog, every fact with its source and date."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import click

from inferstack.cli.output import emit_json, plain

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("models", "licences", "gpus", "instances", "prices", "regions", "services", "eks-versions", "vllm")
_ALSO = {"accelerators": "gpus", "licenses": "licences", "eks": "eks-versions", "service-prices": "services"}


def _kind(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """The kind that was meant: any case, singular or plural."""
    from inferstack.catalog.names import nearest, or_list

    word = value.casefold()
    for kind in (word, f"{word}s"):
        if _ALSO.get(kind, kind) in KINDS:
            return _ALSO.get(kind, kind)
    near = or_list(nearest(value, KINDS, count=1))
    hint = f"; did you mean {near}?" if near else "."
    raise click.BadParameter(f"no kind {value!r}{hint} Kinds: {', '.join(KINDS)}.", ctx=ctx, param=param)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What `list` narrows by; None: not narrowed."""

    family: str | None
    licence: str | None
    task: str | None
    country: str | None
    gpu: str | None
    region: str | None

    def given(self) -> list[str]:
        return [f.name for f in fields(self) if getattr(self, f.name) is not None]


@click.group()
def catalog() -> None:
    """List and show models, licences, GPUs, instances, prices, regions.

    \b
    Kinds: models, licences, gpus, instances, prices, regions, services,
    eks-versions, vllm (singular works too).

    \b
    Examples:
      inferstack catalog list models --task code
      inferstack catalog list prices --gpu H100 --region us-east-1
      inferstack catalog show gpu "A100 80GB"
    """


@catalog.command("list")
@click.argument("kind", callback=_kind)
@click.option("--family", help="Models or instances of this family (Qwen3, g6e).")
@click.option("--licence", help="Models under this licence id (apache-2.0).")
@click.option("--task", help="Models for this task: chat, code, embedding, reranker, math.")
@click.option("--country", help="Models by developers of this country, regions in it (DE).")
@click.option("--gpu", help="Instances and prices with this GPU, whatever its spelling.")
@click.option("--region", help="Instances offered there, prices and service prices there.")
@click.option("--json", "as_json", is_flag=True, help="Every field, as one JSON document.")
def list_command(
    kind: str,
    family: str | None,
    licence: str | None,
    task: str | None,
    country: str | None,
    gpu: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """List the entries of a KIND as a table.

    \b
    Example:
      inferstack catalog list instances --gpu L40S --region eu-central-1
    """
    from inferstack.catalog.load import load_catalog
    from inferstack.cli.catalog_tables import VIEWS
    from inferstack.cli.table import table

    filters = Filters(family=family, licence=licence, task=task, country=country, gpu=gpu, region=region)
    view = VIEWS[kind]
    for name in filters.given():
        if name not in view.filters:
            accepted = ", ".join(f"--{f}" for f in view.filters) or "none"
            raise click.UsageError(f"--{name} does not narrow {kind}; it takes: {accepted}")
    entries = view.select(load_catalog(), filters)
    if as_json:
        emit_json({"kind": kind, "entries": entries})
        return
    rows = [view.row(entry, load_catalog(), filters) for entry in entries]
    click.echo(table(view.headers, rows) if rows else f"no {kind} match")
    if rows:
        click.echo(f"\n{len(rows)} {kind}")


@catalog.command("show")
@click.argument("kind", callback=_kind)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="The same, as one JSON document.")
def show_command(kind: str, name: str, as_json: bool) -> None:
    """Show every field of the entry NAME of a KIND, with source and date.

    \b
    Examples:
      inferstack catalog show model Qwen/Qwen3-8B
      inferstack catalog show prices g6e.12xlarge
    """
    from inferstack.catalog.load import load_catalog
    from inferstack.cli.catalog_tables import SHOW
    from inferstack.cli.table import fields as listing

    find: Callable[..., object] = SHOW[kind]
    found = find(load_catalog(), name)
    if as_json:
        emit_json(found)
    else:
        click.echo(listing(plain(found)))
