"""Values on the wire: what a program registers (protobuf) and what `pulumi preview --json` prints (JSON).

Both become the plain values of ``inferstack.resources``: integral numbers as int, values known only after
deployment as ``UNKNOWN``, secrets as ``Secret``. Nothing here ever prints a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from inferstack.resources import UNKNOWN, Secret, Unknown

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct, Value  # type: ignore[import-untyped]  # ships no stubs

UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SENTINELS: Final = frozenset(
    {
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
"""What the engine writes for a value it does not know yet (sdk/go/common/resource/plugin/rpc.go, 2026-08)."""
MASK: Final = "[secret]"

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  a type signature, not a credential
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_BOOKKEEPING: Final = frozenset({"__defaults", "__internal"})
"""What providers and the engine note inside inputs: defaults they filled in, where a plugin comes from."""


def from_struct(struct: Struct) -> dict[str, object]:
    """The properties of a registration request."""
    return {key: from_value(value) for key, value in sorted(struct.fields.items())}


def from_value(value: Value) -> object:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _special(from_struct(value.struct_value))
    if kind == "list_value":
        return [from_value(item) for item in value.list_value.values]
    return _scalar(getattr(value, kind)) if kind not in {None, "null_value"} else None


def from_json(value: Any) -> object:
    """A value of a preview document; a masked secret is a ``Secret`` whose value is not known."""
    if isinstance(value, Mapping):
        return _special({str(k): from_json(v) for k, v in sorted(value.items()) if k not in _BOOKKEEPING})
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return Secret(UNKNOWN) if value == MASK else _scalar(value)


def to_json(value: object) -> Any:
    """The value as the engine prints it: unknown as its sentinel string, secrets masked."""
    return mapped(value, unknown=lambda: UNKNOWN_STRING, secret=lambda _: MASK)


def mapped(value: object, *, unknown: Callable[[], object], secret: Callable[[Secret], object]) -> Any:
    """A copy in which every unknown and every secret is replaced; mappings keep their order."""
    if isinstance(value, Unknown):
        return unknown()
    if isinstance(value, Secret):
        return secret(value)
    if isinstance(value, Mapping):
        return {str(key): mapped(item, unknown=unknown, secret=secret) for key, item in value.items()}
    if is_list(value):
        assert isinstance(value, Sequence)
        return [mapped(item, unknown=unknown, secret=secret) for item in value]
    return value


def is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def has_unknown(value: object) -> bool:
    """Is any part of the value known only after deployment?"""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if is_list(value):
        assert isinstance(value, Sequence)
        return any(has_unknown(item) for item in value)
    return isinstance(value, Unknown)


def _scalar(value: Any) -> object:
    if isinstance(value, str) and value in SENTINELS:
        return UNKNOWN
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _special(fields: dict[str, object]) -> object:
    """Secrets and outputs travel as mappings with a signature; everything else is a plain mapping."""
    signature = fields.get(_SIGNATURE)
    if signature == _SECRET:
        return Secret(fields.get("value", UNKNOWN))
    if signature == _OUTPUT:
        value = fields.get("value", UNKNOWN)
        return Secret(value) if fields.get("secret") is True else value
    return fields


def is_secret_struct(struct: Struct, key: str) -> bool:
    return isinstance(from_value(struct.fields[key]), Secret) if key in struct.fields else False


def make_secret(struct: Struct, key: str) -> None:
    """Wrap a property in a secret; a missing one becomes a secret not known yet."""
    inner = type(struct.fields[key])() if key in struct.fields else None
    if inner is not None:
        inner.CopyFrom(struct.fields[key])
    wrapper = struct.fields[key].struct_value.fields
    wrapper[_SIGNATURE].string_value = _SECRET
    if inner is None:
        wrapper["value"].string_value = UNKNOWN_STRING
    else:
        wrapper["value"].CopyFrom(inner)
