"""Amazon's certificate authorities, as they are kept beside the components."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from components.rds_authority import FOLDER, authority
from inferstack.catalog.load import load_catalog

FILES = sorted(FOLDER.glob("*.pem"))
WITHOUT = {"ap-southeast-5", "il-central-1"}
"""Regions with GPUs that opened after the bundle was made."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_is_the_one_root_of_its_region(file: Path) -> None:
    (found,) = x509.load_pem_x509_certificates(file.read_bytes())
    found.verify_directly_issued_by(found)
    (name,) = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == f"Amazon RDS {file.stem} Root CA RSA2048 G1"
    assert found.not_valid_after_utc > dt.datetime(2060, 1, 1, tzinfo=dt.UTC)


def test_regions_with_gpus_have_one() -> None:
    regions = {region.id for region in load_catalog().regions() if region.zones}
    assert {region for region in regions if authority(region) is None} == WITHOUT
