"""Quantities that users write in specs, as types: `1s`, `99.9%`, `45000`, `10.40.0.0/16`.

Validators see only the value: no file, no catalog. Each message says what would be accepted.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
)
from pydantic_core import PydanticCustomError

from inferstack.units import parse_duration_s, parse_percent

DURATION_PATTERN: Final = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$"
PERCENT_PATTERN: Final = r"^[0-9]+(\.[0-9]+)?%$"
A_DURATION: Final = "a number with a unit: 60ms, 1.5s, 10m, 2h, 15d"
A_PERCENTAGE: Final = "a percentage from 0% to 100%, with the sign: 2%, 99.9%"
AN_AMOUNT: Final = "an amount in USD above 0, as a bare number: 45000 or 1299.50"
A_PRIVATE_NETWORK: Final = "a private IPv4 network of /16 to /20: 10.40.0.0/16"
A_NETWORK: Final = "a network in CIDR form: 203.0.113.0/24"
MAX_DURATION_S: Final = 10 * 366 * 86_400
_DURATION_STEPS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))


def invalid(message: str, accepted: str) -> PydanticCustomError:
    """An error for one value; ``accepted`` is shown after the message."""
    return PydanticCustomError("spec_value", "{message}", {"message": message, "accepted": accepted})


def conflict(message: str, *fields: str, accepted: str = "") -> PydanticCustomError:
    """An error between fields of one section (camelCase names, as in the file); shown at the first."""
    context = {"message": message, "fields": fields, "accepted": accepted}
    return PydanticCustomError("spec_conflict", "{message}", context)


def duration_text(value: dt.timedelta) -> str:
    """The shortest exact text of a duration: ``1.5s`` is ``1500ms``, 90 s is ``90s``, 15 days is ``15d``."""
    milliseconds = value / dt.timedelta(milliseconds=1)
    for step, unit in _DURATION_STEPS:
        if milliseconds >= step and milliseconds % step == 0:
            return f"{int(milliseconds // step)}{unit}"
    return f"{milliseconds:g}ms"


def _duration(value: Any) -> Any:
    if isinstance(value, dt.timedelta):
        return value
    if not isinstance(value, str):
        raise invalid(
            "not a duration" if isinstance(value, bool) or value is None else "a unit is missing", A_DURATION
        )
    try:
        seconds = parse_duration_s(value)
    except ValueError:
        raise invalid("not a duration", A_DURATION) from None
    if not 0 < seconds <= MAX_DURATION_S:
        raise invalid("a duration must be above 0 and at most ten years", A_DURATION)
    return dt.timedelta(seconds=seconds)


def _percent(value: Any) -> Any:
    if not isinstance(value, str):
        raise invalid(
            "a percent sign is missing" if isinstance(value, int | float) else "not a percentage",
            A_PERCENTAGE,
        )
    try:
        fraction = parse_percent(value)
    except ValueError:
        raise invalid("not a percentage", A_PERCENTAGE) from None
    if fraction > 1:
        raise invalid("more than 100%", A_PERCENTAGE)
    return fraction


def percent_text(fraction: float) -> str:
    """``0.02`` as ``2%``."""
    return f"{round(fraction * 100, 9):g}%"


def _money(value: Any) -> Any:
    """Decimal from a YAML number; ``repr`` of a float is the text it was written as (up to 17 digits)."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise invalid("not an amount", AN_AMOUNT)
    try:
        amount = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        raise invalid("not an amount", AN_AMOUNT) from None
    if not amount.is_finite() or not 0 < amount <= Decimal(10) ** 15:
        raise invalid("an amount must be above 0", AN_AMOUNT)
    return amount


def private_network(value: str) -> str:
    """A canonical private IPv4 network, /16 to /20 (what three zones of pod addresses need)."""
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        hint = "host bits are set" if "host bits" in str(error) else "not an IPv4 network"
        raise invalid(hint, A_PRIVATE_NETWORK) from None
    if not any(network.subnet_of(ipaddress.IPv4Network(n)) for n in PRIVATE_NETWORKS):
        raise invalid("not a private network (RFC 1918 or 100.64.0.0/10)", A_PRIVATE_NETWORK)
    if not 16 <= network.prefixlen <= 20:
        size = "too small" if network.prefixlen > 20 else "larger than a VPC can be"
        raise invalid(f"a /{network.prefixlen} network is {size}", A_PRIVATE_NETWORK)
    return str(network)


PRIVATE_NETWORKS: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")


def ip_network(value: str) -> str:
    """Any IPv4 or IPv6 network in canonical form."""
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise invalid("not an IP network", A_NETWORK) from None


def _described(accepted: str, **keywords: str) -> Any:
    """Schema keywords for a type that is checked by code; ``$comment`` says what is accepted."""
    return Field(json_schema_extra={"$comment": accepted, **keywords})


_DurationText = Annotated[str, _described(A_DURATION, pattern=DURATION_PATTERN)]
_PercentText = Annotated[str, _described(A_PERCENTAGE, pattern=PERCENT_PATTERN)]
_Amount = Annotated[float, Field(gt=0), _described(AN_AMOUNT)]

Duration = Annotated[
    dt.timedelta,
    BeforeValidator(_duration, json_schema_input_type=_DurationText),
    PlainSerializer(duration_text, return_type=str),
]
Percentage = Annotated[
    float,
    BeforeValidator(_percent, json_schema_input_type=_PercentText),
    PlainSerializer(percent_text, return_type=str),
]
Usd = Annotated[Decimal, BeforeValidator(_money, json_schema_input_type=_Amount)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Cidr = Annotated[str, AfterValidator(ip_network), _described(A_NETWORK)]
VpcCidr = Annotated[str, AfterValidator(private_network), _described(A_PRIVATE_NETWORK)]
