"""`inferstack validate --vllm`: the installed vLLM's own parser reads every server's command line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from inferstack.cli.output import progress
from inferstack.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferstack.errors import Problem

EXTRA: Final = "inferstack[vllm]"


def vllm_check(files: Sequence[str]) -> list[Problem]:
    """What vLLM would refuse of these environment files; OutsideError without the pinned vLLM."""
    _require_pinned()
    import logging

    from inferstack.cli.offline import offline
    from inferstack.review.launches import launches, refusals
    from inferstack.spec.vllm_parser import installed_check, installed_parser

    logging.getLogger("vllm").setLevel(logging.ERROR)  # it reports every detail of a machine without GPUs
    progress("loading vLLM's argument parser")
    parser, check = installed_parser(), installed_check()
    return [
        replace(problem, file=file)
        for file in files
        for problem in refusals(parser, check, launches(offline(file)[1]))
    ]


def _require_pinned() -> None:
    from inferstack.spec.vllm_arguments import argument_list
    from inferstack.spec.vllm_parser import installed_version

    pinned = argument_list().version
    try:
        found = installed_version()
    except ImportError:
        message = f"vLLM is not installed here: pip install '{EXTRA}' 'vllm=={pinned}'"
        raise OutsideError(message) from None
    if found != pinned:
        message = f"vLLM {found} is installed, and {pinned} is what is deployed: pip install 'vllm=={pinned}'"
        raise OutsideError(message)
