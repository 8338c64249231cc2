"""Statements of IAM and bucket policies, whether held as JSON text or as an object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Final

from inferstack.view import View

ALL_RESOURCES: Final = re.compile(r"(arn(:aws[a-z-]*)?)?[:*]+")


def statements(view: View, key: str) -> Iterator[View]:
    """Statements of the policy document under ``key``; Undecided when the document is unknown."""
    yield from view.document(key).views("Statement")


def is_allow(statement: View) -> bool:
    return statement.text("Effect") == "Allow"


def is_admin(statement: View) -> bool:
    """Allows everything on everything, or everything but what it names."""
    if not is_allow(statement) or not on_everything(statement):
        return False
    return bool(statement.texts("NotAction")) or any(map(_all_actions, statement.texts("Action")))


def on_everything(statement: View) -> bool:
    """``*``, ``arn:aws:*`` and the like, or all resources but some."""
    resources = statement.texts("Resource")
    return bool(statement.texts("NotResource")) or any(ALL_RESOURCES.fullmatch(arn) for arn in resources)


def allows(statement: View, action: str) -> bool:
    """Whether an Allow names the action, by wildcards and in any case."""
    named = statement.texts("Action")
    return is_allow(statement) and any(fnmatch(action.lower(), pattern.lower()) for pattern in named)


def _all_actions(action: str) -> bool:
    return bool(re.fullmatch(r"\*+(:\*+)?", action))


def denies_plain_http(statement: View) -> bool:
    """Denies every S3 action to everyone when the request does not come over TLS."""
    if statement.text("Effect") != "Deny" or not {"s3:*", "*"} & set(statement.texts("Action")):
        return False
    condition = statement.view("Condition").view("Bool")
    return any(value.lower() == "false" for value in condition.texts("aws:SecureTransport"))
