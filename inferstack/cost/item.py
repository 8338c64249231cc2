"""The vocabulary of the bill: priced lines, items that make them, and what they may look at.

Money is Decimal from the data file to the last digit shown; quantities are per month of 730 hours. A line
without a price is a line whose amount is None: it is counted, shown, and never zero.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from inferstack.errors import InputError, Problem
from inferstack.facts import WORKLOAD_TYPE, WorkloadFacts
from inferstack.resources import UNKNOWN, Resource, ResourceIndex
from inferstack.units import HOURS_PER_MONTH, to_cents
from inferstack.view import Undecided, View

if TYPE_CHECKING:
    from inferstack.catalog.load import Catalog
    from inferstack.catalog.types import ServicePrice

ASSUMPTIONS_FILE: Final = Path(__file__).parent / "data" / "assumptions.yaml"
NO_SOURCE: Final = "no source"
ANY_REGION: Final = "us-east-1"
"""For the record of a price (label, unit, source) where its amount is not to be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One priced dimension of one resource, per month."""

    label: str
    quantity: Decimal | None
    """None: how much is not known."""
    unit: str
    unit_price: Decimal | None
    """USD; None: no price."""
    source: str
    date: dt.date | None
    """When the price was read."""
    assumption: str | None = None
    """Set on usage-based lines: what the quantity rests on."""

    @property
    def monthly(self) -> Decimal | None:
        """USD to the cent, as it is billed; None when quantity or price is missing."""
        if self.quantity is None or self.unit_price is None:
            return None
        return to_cents(self.quantity * self.unit_price)

    @property
    def usage_based(self) -> bool:
        return self.assumption is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Monthly use where nothing states it; see ``data/assumptions.yaml``."""

    nat_gb_per_gateway: Decimal
    endpoint_gb_per_zone: Decimal
    control_plane_log_gb: Decimal
    flow_log_gb: Decimal
    other_log_gb: Decimal
    log_retention_months: Decimal
    image_repository_gb: Decimal
    bucket_gb: Decimal
    alert_emails: Decimal
    grafana_editors: Decimal
    amp_million_samples: Decimal
    bytes_per_input_token: Decimal
    bytes_per_output_token: Decimal
    requests_per_connection: Decimal


def load_assumptions(override: Path | None = None) -> Assumptions:
    """The defaults, with the keys of ``override`` in their place; InputError with every problem."""
    values = _numbers(ASSUMPTIONS_FILE)
    if override is not None:
        values |= _numbers(override)
    return Assumptions(**values)


def _numbers(path: Path) -> dict[str, Decimal]:
    try:
        # BaseLoader keeps numbers as the text they are written in: money and its factors are never floats
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    except OSError as error:
        raise InputError(Problem(message=f"cannot be read: {error.strerror}", file=str(path))) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(Problem(message=f"not readable as YAML: {error}", file=str(path))) from None
    known = tuple(field.name for field in fields(Assumptions))
    if not isinstance(document, dict):
        raise InputError(Problem(message="not a mapping", file=str(path), accepted=", ".join(known)))
    problems, values = [], {}
    for key, text in document.items():
        number = _decimal(text)
        if key not in known:
            problems.append(
                Problem(message="unknown key", file=str(path), path=key, accepted=", ".join(known))
            )
        elif number is None or number < 0:
            accepted = "a number, zero or more"
            problems.append(Problem(message="not a quantity", file=str(path), path=key, accepted=accepted))
        else:
            values[key] = number
    if problems:
        raise InputError(*problems)
    return values


def _decimal(text: object) -> Decimal | None:
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


@dataclass(frozen=True, kw_only=True)
class Pricing:
    """What an item may look at besides its resource."""

    catalog: Catalog
    resources: ResourceIndex
    today: dt.date
    assumptions: Assumptions

    def region(self, resource: Resource) -> str | None:
        """Where a resource is billed: its own region, its provider's, or its component's; None: not known."""
        above = tuple(self.resources.ancestors(resource))
        provider = self.resources.provider(resource)
        for candidate in (resource, *((provider,) if provider else ()), *above):
            found = candidate.inputs.get("region", "")
            if found is UNKNOWN:
                return None
            if found:
                return found if isinstance(found, str) else None
        return None

    def service(
        self,
        price: str,
        resource: Resource,
        quantity: Decimal | None,
        *,
        label: str | None = None,
        assumption: str | None = None,
    ) -> Line:
        """A line of a metered AWS dimension; ``price`` is its id in the catalog."""
        region = self.region(resource)
        amount, record = self._price(price, region)
        return Line(
            label=(label or record.label) + ("" if region else " (region not known)"),
            quantity=quantity,
            unit=record.unit,
            unit_price=amount,
            source=record.source,
            date=record.date,
            assumption=assumption,
        )

    def _price(self, price: str, region: str | None) -> tuple[Decimal | None, ServicePrice]:
        """The price in a region; none where the region is not known, to us or to the catalog."""
        try:
            if region is not None:
                return self.catalog.service_price(price, region)
        except InputError:
            if any(known.id == region for known in self.catalog.regions()):
                raise
        return None, self.catalog.service_price(price, ANY_REGION)[1]

    def per_hour(
        self, price: str, resource: Resource, count: Decimal | None, *, label: str | None = None
    ) -> Line:
        """``count`` things for the whole month."""
        hours = None if count is None else count * HOURS_PER_MONTH
        return self.service(price, resource, hours, label=label)

    @cached_property
    def workloads(self) -> tuple[WorkloadFacts, ...]:
        return tuple(WorkloadFacts(View(found.inputs)) for found in self.resources.of_type(WORKLOAD_TYPE))

    def component(self, resource: Resource, kind: str) -> View | None:
        """Facts of the nearest component of a kind (``GpuPool``) above a resource."""
        wanted = f"inferstack:index:{kind}"
        found = next((above for above in self.resources.ancestors(resource) if above.type == wanted), None)
        return View(found.inputs) if found else None


ItemLines = Callable[[View, Resource, Pricing], Iterable[Line]]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One kind of cost: which resources it covers and how it prices them."""

    id: str
    title: str
    service: str
    types: tuple[str, ...]
    lines: ItemLines
    applies: Callable[[View, Resource], bool] | None = None
    """For types that cost money only in some shapes (a Service of type LoadBalancer)."""

    def covers(self, resource: Resource) -> bool:
        if resource.type not in self.types:
            return False
        return self.applies is None or self.applies(View(resource.inputs), resource)


def missing(label: str, reason: str) -> Line:
    """A visible gap: something costs money and cannot be priced."""
    return Line(
        label=f"{label}: {reason}", quantity=None, unit="", unit_price=None, source=NO_SOURCE, date=None
    )


def known(read: Callable[[], Decimal | None]) -> Decimal | None:
    """A quantity, or None where it is unknown before deployment."""
    try:
        return read()
    except Undecided:
        return None
