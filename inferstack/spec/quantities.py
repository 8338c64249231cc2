"""What users write in specs, as types: `1s`, `99.9%`, `45000`, `eu-central-1`, `123456789012`.

Validators see only the value: no file, no catalog. Each message says what would be accepted.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from inferstack.units import parse_duration_s, parse_percent

DURATION_PATTERN: Final = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$"
PERCENT_PATTERN: Final = r"^[0-9]+(\.[0-9]+)?%$"
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
    accepted = "a number with a unit: 60ms, 1.5s, 10m, 2h, 15d"
    if not isinstance(value, str):
        raise invalid(
            "not a duration" if isinstance(value, bool) or value is None else "a unit is missing", accepted
        )
    try:
        seconds = parse_duration_s(value)
    except ValueError:
        raise invalid("not a duration", accepted) from None
    if not 0 < seconds <= MAX_DURATION_S:
        raise invalid("a duration must be above 0 and at most ten years", accepted)
    return dt.timedelta(seconds=seconds)


def _percent(value: Any) -> Any:
    accepted = "a percentage from 0% to 100%, with the sign: 2%, 99.9%"
    if not isinstance(value, str):
        raise invalid(
            "a percent sign is missing" if isinstance(value, int | float) else "not a percentage", accepted
        )
    try:
        fraction = parse_percent(value)
    except ValueError:
        raise invalid("not a percentage", accepted) from None
    if fraction > 1:
        raise invalid("more than 100%", accepted)
    return fraction


def percent_text(fraction: float) -> str:
    """``0.02`` as ``2%``."""
    return f"{round(fraction * 100, 9):g}%"


def _money(value: Any) -> Any:
    """Decimal from a YAML number; ``repr`` of a float is the text it was written as (up to 17 digits)."""
    accepted = "an amount in USD above 0, as a bare number: 45000 or 1299.50"
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise invalid("not an amount", accepted)
    try:
        amount = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        raise invalid("not an amount", accepted) from None
    if not amount.is_finite() or not 0 < amount <= Decimal(10) ** 15:
        raise invalid("an amount must be above 0", accepted)
    return amount


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise invalid("not a finite number", "a finite number")
    return value


def private_network(value: str) -> str:
    """A canonical private IPv4 network, /16 to /20 (what three zones of pod addresses need)."""
    accepted = "a private IPv4 network of /16 to /20: 10.40.0.0/16"
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        hint = "host bits are set" if "host bits" in str(error) else "not an IPv4 network"
        raise invalid(hint, accepted) from None
    if not any(network.subnet_of(ipaddress.IPv4Network(n)) for n in PRIVATE_NETWORKS):
        raise invalid("not a private network (RFC 1918 or 100.64.0.0/10)", accepted)
    if not 16 <= network.prefixlen <= 20:
        size = "too small" if network.prefixlen > 20 else "larger than a VPC can be"
        raise invalid(f"a /{network.prefixlen} network is {size}", accepted)
    return str(network)


PRIVATE_NETWORKS: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")


def ip_network(value: str) -> str:
    """Any IPv4 or IPv6 network in canonical form."""
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise invalid("not an IP network", "a network in CIDR form: 203.0.113.0/24") from None


@dataclass(frozen=True, slots=True)
class Shape:
    """Text that must match ``regex`` wholly: validator and JSON Schema in one annotation."""

    regex: str
    what: str
    accepted: str
    max_length: int = 253

    def check(self, value: str) -> str:
        if re.fullmatch(self.regex, value) is None or len(value) > self.max_length:
            raise invalid(self.what, self.accepted)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"pattern": f"^(?:{self.regex})$", "maxLength": self.max_length}


_DURATION_SCHEMA = Annotated[str, Field(pattern=DURATION_PATTERN)]
_PERCENT_SCHEMA = Annotated[str, Field(pattern=PERCENT_PATTERN)]

Duration = Annotated[
    dt.timedelta,
    BeforeValidator(_duration, json_schema_input_type=_DURATION_SCHEMA),
    PlainSerializer(duration_text, return_type=str),
]
Percentage = Annotated[
    float,
    BeforeValidator(_percent, json_schema_input_type=_PERCENT_SCHEMA),
    PlainSerializer(percent_text, return_type=str),
]
Usd = Annotated[Decimal, BeforeValidator(_money, json_schema_input_type=Annotated[float, Field(gt=0)])]
Number = Annotated[float, AfterValidator(_finite)]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

Name = Annotated[
    str,
    Shape(
        "[a-z]([-a-z0-9]*[a-z0-9])?",
        "not a usable name",
        "lower-case letters, digits and dashes, starting with a letter, at most 40: support-chat",
        40,
    ),
]
Text = Annotated[str, Shape(r"\S(.*\S)?", "empty, or has spaces at an end", "one line of text", 256)]
PathText = Annotated[str, Shape(r"[^\x00-\x1f]+", "not a path", "a path relative to this file", 1024)]
AccountId = Annotated[
    str, Shape("[0-9]{12}", "not an AWS account id", 'twelve digits in quotes: "123456789012"', 12)
]
RegionId = Annotated[
    str, Shape("[a-z]{2}(-[a-z]+)+-[0-9]", "not an AWS region id", "an id such as eu-central-1", 32)
]
ZoneId = Annotated[
    str,
    Shape(
        "[a-z]{2,5}[0-9]-az[0-9]",
        "not an availability zone id",
        "an id such as euc1-az1 (not eu-central-1a)",
        16,
    ),
]
InstanceTypeId = Annotated[
    str, Shape(r"[a-z0-9-]+\.[a-z0-9-]+", "not an EC2 instance type", "an id such as g6e.12xlarge", 32)
]
Residency = Annotated[
    str,
    Shape("[A-Za-z][A-Za-z0-9-]+", "not a residency", "EU, a country code such as DE, or a region id", 32),
]
CountryCode = Annotated[str, Shape("[A-Z]{2}", "not a country code", "ISO 3166 alpha-2 in capitals: DE", 2)]
HostName = Annotated[
    str,
    Shape(rf"{_LABEL}(\.{_LABEL})+", "not a host name", "a lower-case DNS name: llm.example.eu", 253),
]
Registry = Annotated[
    str,
    Shape(
        rf"{_LABEL}(\.{_LABEL})*(:[0-9]+)?(/[a-z0-9]([-a-z0-9._]*[a-z0-9])?)*",
        "not an image registry",
        "host and optional path, without scheme: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/mirror",
    ),
]
BucketName = Annotated[
    str,
    Shape(
        "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "not an S3 bucket name", "3 to 63 of a-z, 0-9, dot and dash", 63
    ),
]
RoleArn = Annotated[
    str,
    Shape(
        r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+",
        "not a role ARN",
        "arn:aws:iam::123456789012:role/admin",
        2048,
    ),
]
CertificateArn = Annotated[
    str,
    Shape(
        r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+",
        "not an ACM certificate ARN",
        "arn:aws:acm:REGION:ACCOUNT:certificate/ID",
        2048,
    ),
]
KmsKeyArn = Annotated[
    str,
    Shape(
        r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+",
        "not a KMS key ARN",
        "arn:aws:kms:REGION:ACCOUNT:key/ID",
        2048,
    ),
]
Cidr = Annotated[str, AfterValidator(ip_network)]
VpcCidr = Annotated[str, AfterValidator(private_network)]
