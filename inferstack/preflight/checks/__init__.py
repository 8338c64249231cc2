"""Every check, in the order they are shown."""

from __future__ import annotations

from typing import Final

from inferstack.preflight.checks.account import ACCOUNT
from inferstack.preflight.checks.adopted import ADOPTED
from inferstack.preflight.checks.bedrock import BEDROCK
from inferstack.preflight.checks.bucket import BUCKET
from inferstack.preflight.checks.certificate import CERTIFICATE
from inferstack.preflight.checks.cluster import CLUSTER
from inferstack.preflight.checks.dns import DNS
from inferstack.preflight.checks.gated_model import GATED_MODEL
from inferstack.preflight.checks.image_digest import IMAGE_DIGEST
from inferstack.preflight.checks.key_alias import KEY_ALIAS
from inferstack.preflight.checks.kubernetes import KUBERNETES
from inferstack.preflight.checks.log_group import LOG_GROUP
from inferstack.preflight.checks.network_quota import NETWORK_QUOTA
from inferstack.preflight.checks.offering import OFFERING
from inferstack.preflight.checks.reservation import RESERVATION
from inferstack.preflight.checks.sagemaker import SAGEMAKER
from inferstack.preflight.checks.secret import SECRET
from inferstack.preflight.checks.secret_name import SECRET_NAME
from inferstack.preflight.checks.state import STATE
from inferstack.preflight.checks.vcpu_quota import VCPU_QUOTA
from inferstack.preflight.types import Check

CHECKS: Final[tuple[Check, ...]] = (
    ACCOUNT,
    STATE,
    SECRET,
    VCPU_QUOTA,
    NETWORK_QUOTA,
    OFFERING,
    RESERVATION,
    KUBERNETES,
    ADOPTED,
    CLUSTER,
    BUCKET,
    LOG_GROUP,
    KEY_ALIAS,
    SECRET_NAME,
    GATED_MODEL,
    IMAGE_DIGEST,
    CERTIFICATE,
    DNS,
    BEDROCK,
    SAGEMAKER,
)
