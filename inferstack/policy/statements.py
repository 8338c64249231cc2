"""Statements of IAM and bucket policies, whether held as JSON text or as an object."""

from __future__ import annotations

from collections.abc import Iterator

from inferstack.view import View


def statements(view: View, key: str) -> Iterator[View]:
    """Statements of the policy document under ``key``; Undecided when the document is unknown."""
    yield from view.document(key).views("Statement")


def is_allow(statement: View) -> bool:
    return statement.text("Effect") == "Allow"


def is_admin(statement: View) -> bool:
    """Allows everything on everything: action ``*`` (or ``*:*``) and resource ``*``."""
    everything = bool({"*", "*:*"} & set(statement.texts("Action")))
    return is_allow(statement) and everything and "*" in statement.texts("Resource")


def denies_plain_http(statement: View) -> bool:
    """Denies every S3 action to everyone when the request does not come over TLS."""
    if statement.text("Effect") != "Deny" or not {"s3:*", "*"} & set(statement.texts("Action")):
        return False
    condition = statement.view("Condition").view("Bool")
    return any(value.lower() == "false" for value in condition.texts("aws:SecureTransport"))
