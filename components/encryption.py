"""The environment's KMS key: cluster secrets, logs and weights are encrypted with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components import arns
from components.base import Component
from components.facts import EncryptionFacts

FSX_ROLE: Final = "aws-service-role/s3.data-source.lustre.fsx.amazonaws.com/AWSServiceRoleForFSxS3Access_*"
"""FSx for Lustre user guide, server-side encrypted buckets, read 2026-11-24."""


@dataclass(frozen=True, kw_only=True)
class EncryptionArgs:
    environment: str
    account: str
    region: str
    existing_key_arn: str | None
    """Use this key; its policy must let CloudWatch Logs of the region (and log delivery) use it."""
    protect: bool
    file_system: bool = False
    """FSx reads the weights that this key encrypts."""
    log_delivery: bool = False
    """The log delivery service writes to buckets that this key encrypts."""


class Encryption(Component):
    """One customer-managed key with yearly rotation, or an existing one."""

    key_arn: pulumi.Input[str]

    def __init__(self, name: str, args: EncryptionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        source = "existing" if args.existing_key_arn else "created"
        facts = EncryptionFacts(environment=args.environment, region=args.region, key_source=source)
        super().__init__("Encryption", name, facts, opts)
        self.key_arn = args.existing_key_arn or self._key(args).arn
        self.register_outputs({"keyArn": self.key_arn})

    def _key(self, args: EncryptionArgs) -> aws.kms.Key:
        key = aws.kms.Key(
            self.name,
            description=f"inferstack {args.environment}: cluster secrets, logs, weights",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=key_policy(
                args.account, args.region, log_delivery=args.log_delivery, file_system=args.file_system
            ),
            opts=self.child(protect=args.protect),
        )
        aws.kms.Alias(
            self.name,
            name=f"alias/inferstack/{args.environment}",
            target_key_id=key.key_id,
            opts=self.child(),
        )
        return key


def key_policy(account: str, region: str, *, log_delivery: bool = False, file_system: bool = False) -> str:
    """The account's IAM decides about the key; CloudWatch Logs may use it for this account's log groups."""
    logs_actions = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    context = "kms:EncryptionContext:aws:logs:arn"
    statements: list[dict[str, object]] = [
        {
            "Sid": "AccountDecides",
            "Effect": "Allow",
            "Principal": {"AWS": arns.account_root(region, account)},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "LogGroups",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{region}.amazonaws.com"},
            "Action": logs_actions,
            "Resource": "*",
            "Condition": {"ArnLike": {context: arns.log_groups(region, account)}},
        },
    ]
    if log_delivery:
        statements.append(_log_delivery(account, region))
    if file_system:
        statements.append(_file_system(account, region))
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _log_delivery(account: str, region: str) -> dict[str, object]:
    return {
        "Sid": "LogDelivery",
        "Effect": "Allow",
        "Principal": {"Service": "delivery.logs.amazonaws.com"},
        "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
        "Resource": "*",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnLike": {"aws:SourceArn": arns.log_deliveries(region, account)},
        },
    }


def _file_system(account: str, region: str) -> dict[str, object]:
    """FSx makes a role for each file system, which no policy of ours can name beforehand."""
    return {
        "Sid": "WeightFiles",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["kms:Decrypt", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "kms:CallerAccount": account,
                "kms:ViaService": f"s3.{region}.amazonaws.com",
            },
            "ArnLike": {"aws:PrincipalArn": arns.role(region, account, FSX_ROLE)},
        },
    }
