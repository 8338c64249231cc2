"""The certificate authority that signs a region's Amazon RDS certificates (``data/rds_ca``)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "data" / "rds_ca"
IDENTIFIER: Final = "rds-ca-rsa2048-g1"
"""Amazon's name of the authority; it renews the server's certificates by itself."""


def authority(region: str) -> str | None:
    """The root certificate as PEM; None where it is not known here."""
    file = FOLDER / f"{region}.pem"
    return file.read_text(encoding="ascii") if file.is_file() else None
