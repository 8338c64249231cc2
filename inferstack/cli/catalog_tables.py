"""What `catalog list` and `catalog show` print for each kind: selection, columns, lookup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from inferstack.catalog.load import Catalog
    from inferstack.catalog.types import (
        Accelerator,
        EksVersion,
        InstancePrice,
        InstanceType,
        Licence,
        Model,
        Region,
        ServicePrice,
        VllmDefaults,
    )
    from inferstack.cli.catalog import Filters
    from inferstack.cli.table import Cell

DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class PriceRow:
    """One instance type in one region."""

    instance: str
    gpu: str | None
    gpu_count: int
    region: str
    price: InstancePrice


@dataclass(frozen=True, kw_only=True)
class View:
    """One kind: the filters it takes, how to select its entries, and its columns."""

    headers: Sequence[str]
    select: Callable[[Catalog, Filters], Sequence[Any]]
    row: Callable[[Any, Catalog, Filters], Sequence[Cell]]
    filters: tuple[str, ...] = ()


def _same(wanted: str | None, value: str | None) -> bool:
    return wanted is None or (value is not None and wanted.casefold() == value.casefold())


def _check(flag: str, wanted: str | None, known: Iterable[str | None]) -> None:
    """InputError for a word that no entry has: an empty table would read as "there is none"."""
    from inferstack.errors import InputError, Problem

    values = sorted({value for value in known if value is not None})
    if wanted is not None and not any(_same(wanted, value) for value in values):
        accepted = ", ".join(values)
        raise InputError(Problem(message="no entry has it", path=flag, value=wanted, accepted=accepted))


def _models(catalog: Catalog, filters: Filters) -> list[Model]:
    if filters.licence is not None:
        catalog.licence(filters.licence)
    _check("--task", filters.task, (model.task for model in catalog.models()))
    _check("--country", filters.country, (model.developer_country for model in catalog.models()))
    return [
        model
        for model in catalog.models()
        if _same(filters.licence, model.licence)
        and _same(filters.task, model.task)
        and _same(filters.country, model.developer_country)
        and (filters.family is None or filters.family.casefold() in model.family.casefold())
    ]


def _model_row(model: Model, _catalog: Catalog, _filters: Filters) -> list[Cell]:
    size = f"{model.total_params_b:g}" if model.total_params_b is not None else None
    active = model.active_params_b
    if active is not None and active != model.total_params_b:
        size = f"{size} (A{active:g})"
    native = model.architecture.native_dtype if model.architecture else "no weights"
    context = f"{model.max_context // 1024}K" if model.max_context else None
    return [model.id, size, model.task, context, native, model.licence, model.developer_country]


def _licence_row(licence: Licence, catalog: Catalog, _filters: Filters) -> list[Cell]:
    mau = f"{licence.mau_cap // 1_000_000}M" if licence.mau_cap else None
    revenue = f"{licence.revenue_cap_usd / 1_000_000:g}M" if licence.revenue_cap_usd else None
    excluded = ",".join(licence.geo_exclusion.regions) if licence.geo_exclusion else None
    used_by = sum(model.licence == licence.id for model in catalog.models())
    return [licence.id, licence.commercial_use, mau, revenue, excluded, licence.use_policy, used_by]


def _gpus(catalog: Catalog, _filters: Filters) -> Sequence[Accelerator]:
    return catalog.accelerators()


def _gpu_row(gpu: Accelerator, _catalog: Catalog, _filters: Filters) -> list[Cell]:
    return [
        gpu.id,
        gpu.arch,
        gpu.compute_capability,
        gpu.cuda_memory_gib,
        gpu.memory_bandwidth_gb_per_s,
        gpu.bf16_dense_tflops or gpu.fp16_dense_tflops,
        gpu.fp8_dense_tflops,
        gpu.nvlink_gb_per_s_bidirectional or None,
        " ".join(gpu.aws_families) or None,
    ]


def _instances(catalog: Catalog, filters: Filters) -> list[InstanceType]:
    _check("--family", filters.family, (instance.family for instance in catalog.instances()))
    gpu = catalog.accelerator(filters.gpu).id if filters.gpu else None
    region = catalog.region(filters.region).id if filters.region else None
    return [
        instance
        for instance in catalog.instances()
        if _same(filters.family, instance.family)
        and gpu in (None, instance.gpu)
        and (region is None or region in instance.zones)
    ]


def _instance_row(instance: InstanceType, catalog: Catalog, filters: Filters) -> list[Cell]:
    price = catalog.price(instance.id, filters.region or DEFAULT_REGION)
    count: Cell = instance.gpu_count if instance.gpu_fraction == 1 else f"x{instance.gpu_fraction:g}"
    return [
        instance.id,
        instance.gpu,
        count,
        instance.interconnect,
        instance.vcpus,
        instance.memory_gib,
        instance.network_gbps,
        instance.efa_max_interfaces or None,
        len(instance.zones),
        price.on_demand if price else None,
        "excluded" if instance.exclusion else "",
    ]


def _prices(catalog: Catalog, filters: Filters) -> list[PriceRow]:
    gpu = catalog.accelerator(filters.gpu).id if filters.gpu else None
    regions = [catalog.region(filters.region)] if filters.region else list(catalog.regions())
    gpus = {instance.id: (instance.gpu, instance.gpu_count) for instance in catalog.instances()}
    families = (name.partition(".")[0] for name in catalog.priced_instances())
    _check("--family", filters.family, families)
    rows: list[PriceRow] = []
    for name in catalog.priced_instances():
        has, count = gpus.get(name, (None, 0))
        if gpu not in (None, has) or not _same(filters.family, name.split(".", maxsplit=1)[0]):
            continue
        priced = ((region.id, catalog.price(name, region.id)) for region in regions)
        rows += [PriceRow(name, has, count, region, price) for region, price in priced if price is not None]
    return rows


def _price_row(row: PriceRow, _catalog: Catalog, _filters: Filters) -> list[Cell]:
    price = row.price
    return [
        row.instance,
        row.gpu,
        row.gpu_count or None,
        row.region,
        price.on_demand,
        price.spot_min,
        price.spot_median,
        price.date.isoformat(),
    ]


def _regions(catalog: Catalog, filters: Filters) -> list[Region]:
    _check("--country", filters.country, (region.country for region in catalog.regions()))
    return [region for region in catalog.regions() if _same(filters.country, region.country)]


def _region_row(region: Region, catalog: Catalog, _filters: Filters) -> list[Cell]:
    offered = {instance.gpu for instance in catalog.instances() if region.id in instance.zones}
    groups = " ".join(region.groups)
    return [region.id, region.name, region.country, groups, len(region.zones) or None, len(offered) or None]


def _service_row(service: ServicePrice, catalog: Catalog, filters: Filters) -> list[Cell]:
    price, record = catalog.service_price(service.id, filters.region or DEFAULT_REGION)
    known = price is not None
    return [
        service.id,
        service.label,
        service.unit,
        price if known else "no price",
        record.confidence if known else None,
        record.date.isoformat() if known else None,
    ]


def _eks_row(version: EksVersion, _catalog: Catalog, _filters: Filters) -> list[Cell]:
    released = version.released.isoformat() if version.released else None
    ends = (version.end_of_standard_support.isoformat(), version.end_of_extended_support.isoformat())
    return [version.version, released, *ends]


def _vllm_row(entry: VllmDefaults, _catalog: Catalog, _filters: Filters) -> list[Cell]:
    batch = "; ".join(
        f">={row.min_gpu_memory_gib:g} GiB: {row.max_num_batched_tokens}/{row.max_num_seqs}"
        for row in entry.batch_defaults
    )
    return [entry.since, entry.engine, entry.gpu_memory_utilization, entry.cuda_graphs_in_budget, batch]


VIEWS: Mapping[str, View] = {
    "models": View(
        headers=("model", "params B", "task", "context", "native", "licence", "country"),
        select=_models,
        row=_model_row,
        filters=("family", "licence", "task", "country"),
    ),
    "licences": View(
        headers=("licence", "commercial", "MAU cap", "revenue cap USD", "excludes", "use policy", "models"),
        select=lambda catalog, _filters: catalog.licences(),
        row=_licence_row,
    ),
    "gpus": View(
        headers=("GPU", "arch", "cc", "CUDA GiB", "GB/s", "BF16 TF", "FP8 TF", "NVLink GB/s", "AWS"),
        select=_gpus,
        row=_gpu_row,
    ),
    "instances": View(
        headers=("instance", "GPU", "n", "link", "vCPU", "GiB", "Gbps", "EFA", "regions", "USD/h", "note"),
        select=_instances,
        row=_instance_row,
        filters=("family", "gpu", "region"),
    ),
    "prices": View(
        headers=("instance", "GPU", "n", "region", "on-demand", "spot min", "spot median", "date"),
        select=_prices,
        row=_price_row,
        filters=("family", "gpu", "region"),
    ),
    "regions": View(
        headers=("region", "name", "country", "groups", "zones", "GPU kinds"),
        select=_regions,
        row=_region_row,
        filters=("country",),
    ),
    "services": View(
        headers=("service price", "what", "unit", "USD", "confidence", "date"),
        select=lambda catalog, _filters: catalog.service_prices(),
        row=_service_row,
        filters=("region",),
    ),
    "eks-versions": View(
        headers=("Kubernetes", "on EKS since", "standard until", "extended until"),
        select=lambda catalog, _filters: catalog.eks_versions(),
        row=_eks_row,
    ),
    "vllm": View(
        headers=(
            "from vLLM",
            "engine",
            "utilization",
            "graphs in budget",
            "batched tokens/seqs by GPU memory",
        ),
        select=lambda catalog, _filters: catalog.vllm_versions(),
        row=_vllm_row,
    ),
}


def _show_prices(catalog: Catalog, name: str) -> dict[str, object]:
    prices = {region.id: catalog.price(name, region.id) for region in catalog.regions()}
    return {
        "instance": name,
        "prices": {region: price for region, price in prices.items() if price is not None},
    }


def _show_instance(catalog: Catalog, name: str) -> object:
    """A GPU type or, for system nodes, one without."""
    cpu_only = {cpu.id: cpu for cpu in catalog.cpu_instances()}
    return cpu_only.get(name) or catalog.instance(name)


SHOW: Mapping[str, Callable[[Catalog, str], object]] = {
    "models": lambda catalog, name: catalog.model(name),
    "licences": lambda catalog, name: catalog.licence(name),
    "gpus": lambda catalog, name: catalog.accelerator(name),
    "instances": _show_instance,
    "prices": _show_prices,
    "regions": lambda catalog, name: catalog.region(name),
    "services": lambda catalog, name: catalog.service(name),
    "eks-versions": lambda catalog, name: catalog.eks_version(name),
    "vllm": lambda catalog, name: catalog.vllm_defaults(name),
}
