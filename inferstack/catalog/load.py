"""The catalog: lazy tables over the data files, looked up by names people type.

Nothing is parsed before it is asked for, and one model costs one file: ``plan`` has a second in all.
Every unknown name is an InputError that offers the nearest known ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from inferstack.catalog.files import build, parse_json, parse_yaml, read_entries, read_text, scan_ids
from inferstack.catalog.names import gpu_key, nearest, normalise, or_list
from inferstack.catalog.types import (
    Accelerator,
    CpuInstance,
    EksVersion,
    InstancePrice,
    InstanceType,
    Licence,
    Model,
    PhantomModel,
    Region,
    ServicePrice,
    VllmDefaults,
)
from inferstack.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

V = TypeVar("V")

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Catalog:
    """Facts in ``directory``, each table read on first use."""

    directory: Path = DATA

    # --- models and licences ---

    @cached_property
    def _model_files(self) -> dict[str, Path]:
        """Model id to the file that holds it, by a text scan."""
        files: dict[str, Path] = {}
        for path in sorted((self.directory / "models").glob("*.yaml")):
            for name in scan_ids(path):
                if name in files:
                    raise InputError(Problem(message=f"{name} is also in {files[name].name}", file=path.name))
                files[name] = path
        return files

    @cached_property
    def _model_names(self) -> dict[str, str]:
        """Every accepted spelling (id or alias, in lower case) to the id."""
        names: dict[str, str] = {}
        for path in sorted(set(self._model_files.values())):
            for name, aliases in scan_ids(path).items():
                for spelling in (name, *aliases):
                    if names.setdefault(spelling.casefold(), name) != name:
                        taken = names[spelling.casefold()]
                        raise InputError(
                            Problem(message=f"{spelling} of {name} also names {taken}", file=path.name)
                        )
        return names

    @cached_property
    def _models_by_file(self) -> dict[Path, dict[str, Model]]:
        return {}

    def _models_in(self, path: Path) -> dict[str, Model]:
        known = self._models_by_file
        if path not in known:
            models = read_entries(path, "models", Model)
            for model in models:
                if model.licence not in self._licence_ids:
                    raise InputError(
                        Problem(message=f"{model.id}: no licence {model.licence!r}", file=path.name)
                    )
            known[path] = {model.id: model for model in models}
        return known[path]

    def model_ids(self) -> tuple[str, ...]:
        """All model ids, sorted; reads no entry."""
        return tuple(sorted(self._model_files))

    def model(self, name: str) -> Model:
        """The model with this id or alias, whatever the case."""
        found = self._model_names.get(name.strip().casefold())
        if found is None:
            raise InputError(self._unknown_model(name))
        return self._models_in(self._model_files[found])[found]

    def models(self) -> tuple[Model, ...]:
        """All models, sorted by id; parses every file."""
        return tuple(self._models_in(self._model_files[name])[name] for name in self.model_ids())

    def phantom_models(self) -> tuple[PhantomModel, ...]:
        """Names that people ask for and that were never released (or not under that name)."""
        return read_entries(self.directory / "model_names.yaml", "names", PhantomModel)

    def phantom_model(self, name: str) -> PhantomModel | None:
        """What is known of a name that no model has; None when nothing is."""
        wanted = {normalise(name), normalise(name.rpartition("/")[2])}
        for phantom in self.phantom_models():
            if wanted & {normalise(spelling) for spelling in (phantom.name, *phantom.aliases)}:
                return phantom
        return None

    def _unknown_model(self, name: str) -> Problem:
        phantom = self.phantom_model(name)
        if phantom is not None:
            message = f"no model {name!r}: {phantom.finding}"
            return Problem(message=message, did_you_mean=or_list(phantom.use))
        return _unknown("model", name, self._model_files)

    @property
    def _licence_ids(self) -> Iterable[str]:
        return scan_ids(self.directory / "licences.yaml")

    @cached_property
    def _licences(self) -> dict[str, Licence]:
        return {x.id: x for x in read_entries(self.directory / "licences.yaml", "licences", Licence)}

    def licence(self, name: str) -> Licence:
        """The licence with this id."""
        return _pick("licence", name, self._licences)

    def licences(self) -> tuple[Licence, ...]:
        return tuple(self._licences.values())

    # --- hardware ---

    @cached_property
    def _accelerators(self) -> dict[str, Accelerator]:
        path = self.directory / "accelerators.yaml"
        document = parse_yaml(read_text(path), file=path.name)
        support: dict[str, Any] = document["vllm_by_compute_capability"]
        entries = [
            {"vllm": support.get(str(e.get("compute_capability"))), **e} for e in document["accelerators"]
        ]
        built = build(entries, Accelerator, defaults=document["defaults"], path=path)
        return {x.id: x for x in built}

    @cached_property
    def _accelerator_names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for accelerator in self._accelerators.values():
            for spelling in (accelerator.id, accelerator.name, *accelerator.aliases):
                if names.setdefault(gpu_key(spelling), accelerator.id) != accelerator.id:
                    message = f"{spelling} of {accelerator.id} also names {names[gpu_key(spelling)]}"
                    raise InputError(Problem(message=message, file="accelerators.yaml"))
        return names

    def accelerator(self, name: str) -> Accelerator:
        """The GPU of this name or alias, whatever case and punctuation (``A100 80GB``, ``h100-sxm5``)."""
        found = self._accelerator_names.get(gpu_key(name))
        if found is None:
            raise InputError(_unknown("GPU", name, self._accelerators))
        return self._accelerators[found]

    def accelerators(self) -> tuple[Accelerator, ...]:
        return tuple(self._accelerators.values())

    @cached_property
    def _instances(self) -> dict[str, InstanceType]:
        found: dict[str, InstanceType] = {}
        gpus = set(scan_ids(self.directory / "accelerators.yaml"))
        for path in sorted((self.directory / "instances").glob("*.yaml")):
            for instance in read_entries(path, "instances", InstanceType):
                if instance.id in found:
                    raise InputError(Problem(message=f"{instance.id} stands twice", file=path.name))
                if instance.gpu not in gpus:
                    raise InputError(
                        Problem(message=f"{instance.id}: no GPU {instance.gpu!r}", file=path.name)
                    )
                found[instance.id] = instance
        return found

    def instance(self, name: str) -> InstanceType:
        """The EC2 GPU instance type of this name."""
        return _pick("GPU instance type", name, self._instances)

    def instances(self) -> tuple[InstanceType, ...]:
        return tuple(self._instances.values())

    @cached_property
    def _cpu_instances(self) -> dict[str, CpuInstance]:
        path = self.directory / "cpu_instances.yaml"
        return {x.id: x for x in read_entries(path, "cpu_instances", CpuInstance)}

    def cpu_instance(self, name: str) -> CpuInstance:
        """The EC2 type without GPU (for system nodes) of this name."""
        return _pick("CPU instance type", name, self._cpu_instances)

    def cpu_instances(self) -> tuple[CpuInstance, ...]:
        return tuple(self._cpu_instances.values())

    # --- money ---

    @cached_property
    def _prices(self) -> dict[str, Any]:
        return parse_json(read_text(self.directory / "prices.json"), file="prices.json")

    def priced_instances(self) -> tuple[str, ...]:
        """Ids of all instance types that have a price in at least one region, GPU or not, sorted."""
        return tuple(sorted(self._prices["prices"]))

    def price(self, instance_id: str, region: str) -> InstancePrice | None:
        """What an instance type costs in a region; None is "no price", which is not zero.

        InputError for an instance type or a region that does not exist.
        """
        rows = self._prices["prices"].get(instance_id)
        if rows is None and instance_id not in self._cpu_instances:
            self.instance(instance_id)
        self.region(region)
        row = (rows or {}).get(region)
        if row is None:
            return None
        source = self._prices["sources"][row.get("source", "snapshot")]
        fields = {key: value for key, value in row.items() if key != "source"}
        origin = {"on_demand_source": source["text"], "date": source["date"]}
        return build(
            [{"on_demand": None, **fields}], InstancePrice, defaults=origin, path=Path("prices.json")
        )[0]

    @cached_property
    def _service_prices(self) -> dict[str, ServicePrice]:
        path = self.directory / "service_prices.yaml"
        return {x.id: x for x in read_entries(path, "service_prices", ServicePrice)}

    def service_price(self, name: str, region: str) -> tuple[Decimal | None, ServicePrice]:
        """The price of a metered AWS dimension in a region, and its record; None is "no price".

        The record's source, date and confidence are those of the price returned.
        """
        record = _pick("service price", name, self._service_prices)
        quote = record.quote(self.region(region))
        if quote is None:
            return None, record
        origin = {"source": quote.source, "date": quote.date, "confidence": quote.confidence}
        return quote.price, record.model_copy(update=origin)

    def service(self, name: str) -> ServicePrice:
        """The metered AWS dimension of this id, with its prices in all known regions."""
        return _pick("service price", name, self._service_prices)

    def service_prices(self) -> tuple[ServicePrice, ...]:
        return tuple(self._service_prices.values())

    # --- places and versions ---

    @cached_property
    def _regions(self) -> dict[str, Region]:
        return {x.id: x for x in read_entries(self.directory / "regions.yaml", "regions", Region)}

    def region(self, name: str) -> Region:
        """The AWS region with this id."""
        return _pick("region", name, self._regions)

    def regions(self) -> tuple[Region, ...]:
        return tuple(self._regions.values())

    def residency_groups(self) -> tuple[str, ...]:
        """All residency groups (EU, DE, US, ...), sorted."""
        return tuple(sorted({group for region in self.regions() for group in region.groups}))

    def regions_for(self, residency: Sequence[str]) -> tuple[Region, ...]:
        """Regions in any of the named groups or, where an element is a region id, that region; file order."""
        allowed: set[str] = set()
        groups = {group.casefold(): group for group in self.residency_groups()}
        for place in residency:
            group = groups.get(place.casefold())
            if group is not None:
                allowed |= {region.id for region in self.regions() if group in region.groups}
            elif place in self._regions:
                allowed.add(place)
            else:
                raise InputError(_unknown("residency", place, [*groups.values(), *self._regions]))
        return tuple(region for region in self.regions() if region.id in allowed)

    def eks_versions(self) -> tuple[EksVersion, ...]:
        """Kubernetes versions on EKS, newest first."""
        return read_entries(self.directory / "eks_versions.yaml", "eks_versions", EksVersion)

    def eks_version(self, version: str) -> EksVersion:
        """The Kubernetes version of this number (``1.35``)."""
        return _pick("EKS version", version, {x.version: x for x in self.eks_versions()})

    @cached_property
    def _vllm(self) -> tuple[VllmDefaults, ...]:
        return read_entries(self.directory / "vllm.yaml", "vllm", VllmDefaults)

    def vllm_versions(self) -> tuple[VllmDefaults, ...]:
        """Defaults by vLLM version, oldest first; an entry holds until the next one."""
        return self._vllm

    def vllm_defaults(self, version: str) -> VllmDefaults:
        """What vLLM ``version`` (``0.33.0``) does when nothing is set; older than all: the oldest entry."""
        wanted = version_key(version)
        return next((x for x in reversed(self._vllm) if version_key(x.since) <= wanted), self._vllm[0])


def version_key(version: str) -> tuple[int, ...]:
    """Numbers of ``0.21.0`` for comparison; InputError when there is none in it."""
    head = version.strip().removeprefix("v").split("+")[0].split("-")[0]
    numbers = [int(part) for part in head.split(".") if part.isdigit()]
    if not numbers:
        raise InputError(Problem(message="not a version", value=version, accepted="numbers like 0.33.0"))
    return tuple(numbers)


def _pick(kind: str, name: str, table: dict[str, V]) -> V:
    found = table.get(name) or table.get(name.strip().casefold())
    if found is None:
        raise InputError(_unknown(kind, name, table))
    return found


def _unknown(kind: str, name: str, known: Iterable[str]) -> Problem:
    names = list(known)
    near = or_list(nearest(name, names))
    accepted = None
    if near is None:
        accepted = ", ".join(names) if len(names) <= 40 else "see `inferstack catalog list`"
    return Problem(message=f"no {kind} {name!r} in the catalog", did_you_mean=near, accepted=accepted)


@cache
def load_catalog(directory: Path = DATA) -> Catalog:
    """The catalog that ships with the package, or the one in ``directory``."""
    return Catalog(directory)
