"""Where a stack's state lives, as the Pulumi CLI finds it: no login, no request.

In its order: ``PULUMI_BACKEND_URL``, ``backend.url`` of Pulumi.yaml, the current login of this machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import parse_qs, urlsplit

from inferstack.engine.project import read_mapping

if TYPE_CHECKING:
    from inferstack.engine.project import Target

Kind = Literal["cloud", "s3", "local", "other", "none"]
_KINDS: Final[Mapping[str, Kind]] = {"https": "cloud", "http": "cloud", "s3": "s3", "file": "local"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A state backend; ``none`` when nobody has logged in."""

    url: str | None
    secrets_provider: str | None = None
    """As the stack's file names it (``awskms://alias/pulumi?region=eu-central-1``)."""

    @property
    def kind(self) -> Kind:
        if not self.url:
            return "none"
        return _KINDS.get(urlsplit(self.url).scheme, "other")

    @property
    def bucket(self) -> str | None:
        """Name of the S3 bucket."""
        return urlsplit(self.url or "").netloc or None if self.kind == "s3" else None

    @property
    def region(self) -> str | None:
        """Region that the URL names; None: it names none."""
        return _region(self.url)

    @property
    def key_region(self) -> str | None:
        """Region of the KMS key that encrypts the stack's secrets, when the URL names one."""
        provider = self.secrets_provider
        return _region(provider) if provider and provider.startswith("awskms:") else None


def _region(url: str | None) -> str | None:
    return next(iter(parse_qs(urlsplit(url or "").query).get("region", [])), None)


def find_backend(target: Target, variables: Mapping[str, str] | None = None) -> Backend:
    """The backend of a stack; ``variables`` stand for the process's environment variables."""
    variables = os.environ if variables is None else variables
    project = read_mapping(target.project.root / "Pulumi.yaml").get("backend")
    settings = target.project.config_dir / f"Pulumi.{target.stack}.yaml"
    provider = read_mapping(settings).get("secretsprovider") if settings.is_file() else None
    stated = project.get("url") if isinstance(project, Mapping) else None
    url = variables.get("PULUMI_BACKEND_URL") or stated or _current_login(variables)
    return Backend(
        url=str(url) if url else None, secrets_provider=str(provider) if isinstance(provider, str) else None
    )


def _current_login(variables: Mapping[str, str]) -> str | None:
    """What ``pulumi login`` noted down; None when there is no note that can be read."""
    home = variables.get("PULUMI_HOME") or str(Path(variables.get("HOME", "~")).expanduser() / ".pulumi")
    try:
        document = json.loads(Path(home, "credentials.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    current = document.get("current") if isinstance(document, dict) else None
    return current if isinstance(current, str) and current else None
