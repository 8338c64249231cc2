"""Names that users write in specs, as types: `eu-central-1`, `123456789012`, `g6e.12xlarge`, ARNs.

A type says what such a name looks like; whether it exists is asked of the catalog, in ``checks.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from inferstack.spec.quantities import invalid


@dataclass(frozen=True, slots=True)
class Shape:
    """Text that must match ``regex`` wholly: validator and JSON Schema in one annotation."""

    regex: str
    what: str
    accepted: str
    max_length: int = 253
    example: str = ""

    def check(self, value: str) -> str:
        if len(value) > self.max_length or re.fullmatch(self.regex, value) is None:
            raise invalid(self.what, self.accepted)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        shape = {"pattern": f"^(?:{self.regex})$", "maxLength": self.max_length, "$comment": self.accepted}
        return handler(schema) | shape | ({"examples": [self.example]} if self.example else {})


_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

Name = Annotated[
    str,
    Shape(
        "[a-z]([-a-z0-9]*[a-z0-9])?",
        "not a usable name",
        "lower-case letters, digits and dashes, starting with a letter, at most 40: support-chat",
        40,
        example="example",
    ),
]
Text = Annotated[str, Shape(r"\S(.*\S)?", "empty, or has spaces at an end", "one line of text", 256)]
PathText = Annotated[str, Shape(r"[^\x00-\x1f]+", "not a path", "a path relative to this file", 1024)]
AccountId = Annotated[
    str,
    Shape(
        "[0-9]{12}",
        "not an AWS account id",
        'twelve digits in quotes: "123456789012"',
        12,
        example="123456789012",
    ),
]
RegionId = Annotated[
    str,
    Shape(
        "[a-z]{2,5}(-[a-z]+)+-[0-9]",
        "not an AWS region id",
        "an id such as eu-central-1",
        32,
        example="eu-central-1",
    ),
]
ZoneId = Annotated[
    str,
    Shape(
        "[a-z]{2,6}[0-9]-az[0-9]",
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
    Shape(
        rf"{_LABEL}(\.{_LABEL})+",
        "not a host name",
        "a lower-case DNS name: llm.example.eu",
        253,
        example="llm.example.eu",
    ),
]
Registry = Annotated[
    str,
    Shape(
        rf"{_LABEL}(\.{_LABEL})*(:[0-9]+)?(/[a-z0-9]([-a-z0-9._]*[a-z0-9])?)*",
        "not an image registry",
        "ecr-pull-through, or host and optional path: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/mirror",
    ),
]
PULL_THROUGH = "ecr-pull-through"
"""Instead of a registry: the account's own, filled through cache rules."""
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
PolicyArn = Annotated[
    str,
    Shape(
        r"arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+",
        "not an IAM policy ARN",
        "arn:aws:iam::123456789012:policy/boundary",
        2048,
    ),
]
TopicArn = Annotated[
    str,
    Shape(
        r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}",
        "not an SNS topic ARN",
        "arn:aws:sns:REGION:ACCOUNT:TOPIC",
        2048,
    ),
]
HttpsUrl = Annotated[
    str,
    Shape(
        rf"https://{_LABEL}(\.{_LABEL})+(:[0-9]{{1,5}})?(/[A-Za-z0-9._~/-]*)?",
        "not an HTTPS address",
        "an address such as https://host.example.eu/path",
        2048,
    ),
]
Email = Annotated[
    str,
    Shape(r"[^@\s,<>]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", "not an e-mail address", "finops@example.com", 320),
]
VpcId = Annotated[str, Shape("vpc-[0-9a-f]{8,17}", "not a VPC id", "an id such as vpc-0123456789abcdef0", 21)]
SubnetId = Annotated[
    str, Shape("subnet-[0-9a-f]{8,17}", "not a subnet id", "an id such as subnet-0123456789abcdef0", 24)
]
SecurityGroupId = Annotated[
    str, Shape("sg-[0-9a-f]{8,17}", "not a security group id", "an id such as sg-0123456789abcdef0", 20)
]
ClusterName = Annotated[
    str,
    Shape("[A-Za-z0-9][A-Za-z0-9_-]{0,99}", "not an EKS cluster name", "letters, digits, - and _", 100),
]
ClusterEndpoint = Annotated[
    str,
    Shape(
        r"https://[A-Za-z0-9.-]+(:[0-9]+)?",
        "not the address of an API server",
        "https://ID.gr7.REGION.eks.amazonaws.com",
        512,
    ),
]
CertificateData = Annotated[
    str,
    Shape(
        r"[A-Za-z0-9+/]{8,}={0,2}",
        "not a certificate in base64",
        "one line of base64, as EKS shows it",
        16384,
    ),
]
