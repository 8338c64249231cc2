"""Reading a resource's inputs safely: an unknown value raises ``Undecided`` instead of passing for absent.

A ``View`` wraps one mapping of inputs and remembers the path for messages. Absent keys read as None, False or
empty as the method says; a value of a type nobody expected is undecided too, never a silent "no".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from inferstack.resources import UNKNOWN, Secret


class Undecided(Exception):  # noqa: N818 - not an error: the answer is "cannot tell yet"
    """A value that is needed is unknown; ``reason`` says which, and never holds the value of a secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def unwrap(value: object) -> object:
    """The plain value of a secret; rules judge secrets, the runner keeps them out of messages."""
    return value.value if isinstance(value, Secret) else value


def is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


@dataclass(frozen=True)
class View:
    """One mapping of inputs; ``path`` is where it is, for messages (``spec.template.spec``)."""

    values: object
    path: str = ""

    def _where(self, key: str | int) -> str:
        return f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}" if self.path else key

    def _mapping(self) -> Mapping[str, object]:
        values = unwrap(self.values)
        if values is UNKNOWN:
            raise Undecided(f"{self.path or 'the inputs'} is known only after deployment")
        if values is None:
            return {}
        if not isinstance(values, Mapping):
            raise Undecided(f"{self.path or 'the inputs'} is not an object, so it cannot be judged")
        return values

    def get(self, key: str) -> object:
        """The value, secrets unwrapped; None when absent; Undecided when unknown."""
        value = unwrap(self._mapping().get(key))
        if value is UNKNOWN:
            raise Undecided(f"{self._where(key)} is known only after deployment")
        return value

    def has(self, key: str) -> bool:
        """Whether the key is there at all, known or not, and not null."""
        return unwrap(self._mapping().get(key)) is not None

    def names(self) -> tuple[str, ...]:
        return tuple(str(key) for key in self._mapping())

    def text(self, key: str) -> str | None:
        value = self.get(key)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool | int | float | Decimal):
            return str(value)
        raise self._odd(key, "text")

    def required_text(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise Undecided(f"{self._where(key)} is not stated")
        return value

    def flag(self, key: str) -> bool | None:
        value = self.get(key)
        if value is None or isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return value == "true"
        raise self._odd(key, "true or false")

    def number(self, key: str) -> Decimal | None:
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, bool) and isinstance(value, int | float | str | Decimal):
            try:
                return Decimal(str(value))
            except InvalidOperation:
                pass
        raise self._odd(key, "a number")

    def view(self, key: str) -> View:
        """The object under ``key``; empty when absent. JSON text is read as the object it holds."""
        value = self.get(key)
        if value is not None and not is_mapping(value):
            raise self._odd(key, "an object")
        return View(value, self._where(key))

    def document(self, key: str) -> View:
        """A JSON document held as text, as IAM and bucket policies are; an object is taken as it is."""
        value = self.get(key)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise self._odd(key, "JSON") from None
        if value is not None and not is_mapping(value):
            raise self._odd(key, "a JSON object")
        return View(value, self._where(key))

    def items(self, key: str) -> tuple[object, ...]:
        """Elements of a list, or the one value that stands for it; an unknown element is Undecided."""
        value = self.get(key)
        if value is None:
            return ()
        elements = tuple(value) if is_list(value) else (value,)  # type: ignore[arg-type]  # is_list said so
        for position, element in enumerate(elements):
            if unwrap(element) is UNKNOWN:
                raise Undecided(f"{self._where(key)}[{position}] is known only after deployment")
        return tuple(unwrap(element) for element in elements)

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(str(element) for element in self.items(key))

    def views(self, key: str) -> tuple[View, ...]:
        """Objects of a list (or the one object that stands for it); an unknown object reads as Undecided."""
        value = self.get(key)
        if value is None:
            return ()
        elements = tuple(value) if is_list(value) else (value,)  # type: ignore[arg-type]  # is_list said so
        return tuple(
            View(element, f"{self._where(key)}[{position}]") for position, element in enumerate(elements)
        )

    def _odd(self, key: str, expected: str) -> Undecided:
        return Undecided(f"{self._where(key)} is not {expected}, so it cannot be judged")


def known_texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every known text inside a value, with its path, in order; unknowns are skipped: ask for those apart."""
    value = unwrap(value)
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from known_texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence):
        for position, inner in enumerate(value):
            yield from known_texts(inner, f"{path}[{position}]")


def unknown_paths(value: object, path: str = "") -> Iterator[str]:
    """Paths of the unknown values inside a value."""
    value = unwrap(value)
    if value is UNKNOWN:
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from unknown_paths(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for position, inner in enumerate(value):
            yield from unknown_paths(inner, f"{path}[{position}]")


def secret_texts(value: object) -> Iterator[str]:
    """Every text that stands inside a secret, so that messages can be kept free of it."""
    if isinstance(value, Secret):
        for _, text in known_texts(value.value):
            yield text
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from secret_texts(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            yield from secret_texts(inner)
