"""One question to the Hugging Face Hub, asked on request only: may this token read that repository?"""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from typing import Final
from urllib.parse import quote, urlsplit

TIMEOUT_S: Final = 10
HUB: Final = "https://huggingface.co"


class HubError(Exception):
    """The Hub gave no answer."""


def may_read(repository: str, token: str | None) -> bool:
    """Whether files of the repository open. ``HF_ENDPOINT`` names another Hub, as its own client has it.

    A listing is open for gated repositories too; a file is not.
    """
    base = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    if urlsplit(base).scheme not in ("http", "https"):
        raise HubError(f"HF_ENDPOINT is no web address: {base}")
    url = f"{base}/{quote(repository)}/resolve/main/config.json"
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310  the scheme was checked
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return False
        raise HubError(f"{base} answered {error.code}") from error
    except OSError as error:
        raise HubError(f"{base}: {error}") from error
