"""What differs between two sets of inputs, leaf by leaf."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from inferstack.engine.wire import is_list
from inferstack.resources import UNKNOWN, Secret, Unknown

ChangeKind = Literal["add", "update", "delete"]
_INDEX: Final = re.compile(r"\[\d+\]")
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyChange:
    """One leaf that differs, at the engine's path (``spec.containers[0].image``); absent sides are None."""

    path: str
    kind: ChangeKind
    old: object = None
    new: object = None

    @property
    def top(self) -> str:
        """The input property the leaf is in."""
        return _INDEX.sub("", self.path).split(".", 1)[0]


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[PropertyChange, ...]:
    """The leaves that differ, by path.

    Two unknown values count as equal (whether their sources are is the caller's question), and so do two
    secrets of which one cannot be read.
    """
    return tuple(sorted(_mapping("", old, new), key=lambda found: found.path))


def unknown_leaves(inputs: Mapping[str, object]) -> tuple[str, ...]:
    """Paths of all leaves known only after deployment, secret ones too."""
    return tuple(path for path, value in _leaves("", inputs) if _revealed(value) is UNKNOWN)


def covers(rule: str, path: str) -> bool:
    """Is ``path`` the property that ``rule`` names, or inside it? List indices do not matter."""
    bare = _INDEX.sub("", path)
    return bare == rule or bare.startswith(rule + ".")


def _mapping(prefix: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[PropertyChange]:
    for key in sorted(old.keys() | new.keys()):
        yield from _values(_join(prefix, key), old.get(key, _ABSENT), new.get(key, _ABSENT))


def _values(path: str, old: object, new: object) -> Iterator[PropertyChange]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _mapping(path, old, new)
    elif is_list(old) and is_list(new):
        yield from _lists(path, old, new)  # type: ignore[arg-type]  # is_list has just said so
    elif old is _ABSENT:
        yield from (PropertyChange(path=leaf, kind="add", new=value) for leaf, value in _leaves(path, new))
    elif new is _ABSENT:
        yield from (PropertyChange(path=leaf, kind="delete", old=value) for leaf, value in _leaves(path, old))
    elif not _same(old, new):
        yield PropertyChange(path=path, kind="update", old=old, new=new)


def _lists(path: str, old: Sequence[object], new: Sequence[object]) -> Iterator[PropertyChange]:
    for number in range(max(len(old), len(new))):
        before = old[number] if number < len(old) else _ABSENT
        after = new[number] if number < len(new) else _ABSENT
        yield from _values(f"{path}[{number}]", before, after)


def _same(old: object, new: object) -> bool:
    if isinstance(old, Secret) and isinstance(new, Secret):
        unreadable = isinstance(old.value, Unknown) or isinstance(new.value, Unknown)
        return unreadable or old.value == new.value
    if isinstance(old, Unknown) or isinstance(new, Unknown):
        return old is new
    # 1 == True in Python; to a provider they are different values
    return old == new and isinstance(old, bool) == isinstance(new, bool)


def _revealed(value: object) -> object:
    return value.value if isinstance(value, Secret) else value


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    """Every leaf below a value; an empty mapping or list is a leaf itself."""
    if isinstance(value, Mapping) and value:
        for key, item in sorted(value.items()):
            yield from _leaves(_join(path, key), item)
    elif is_list(value) and value:
        assert isinstance(value, Sequence)
        for number, item in enumerate(value):
            yield from _leaves(f"{path}[{number}]", item)
    else:
        yield path, value


def _join(prefix: str, key: str) -> str:
    """The engine's property paths: dots between plain names, brackets and quotes around others."""
    if not re.fullmatch(r"[A-Za-z_$][\w$]*", key):
        return f'{prefix}["{key}"]'
    return f"{prefix}.{key}" if prefix else key
