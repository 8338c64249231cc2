"""Checks plain inputs against the generated SDKs' argument classes: names, nested, what is required, types."""

from __future__ import annotations

import collections.abc
import importlib
import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin

import pulumi
from pulumi import _types

from inferstack.resources import UNKNOWN, Secret

NUMBERS = (int, float)


def mismatches(kind: str, inputs: Mapping[str, Any]) -> list[str]:
    """What the SDK's class for a Pulumi type would not take."""
    arguments = argument_class(kind)
    return list(_object(inputs, arguments, kind.rpartition(":")[2]))


def argument_class(kind: str) -> type:
    """The argument class of a type token of pulumi-aws or pulumi-kubernetes."""
    package, module, name = kind.split(":")
    if package == "aws":
        found = importlib.import_module(f"pulumi_aws.{module.split('/')[0]}")
        # where a nested type took the name, the resource's own class is called InitArgs
        own = getattr(found, f"{name}InitArgs", None) or getattr(found, f"{name}Args")
        return typing.cast("type", own)
    group, version = module.split("/")
    folder = group.removesuffix(".k8s.io").split(".")[0]
    found = importlib.import_module(f"pulumi_kubernetes.{folder}.{version}.{name}")
    return typing.cast("type", getattr(found, f"{name}InitArgs"))


def _object(value: Mapping[str, Any], cls: type, where: str) -> Iterator[str]:
    hints = _types.input_type_types(cls)
    wires = _types.input_type_py_to_pulumi_names(cls)
    for parameter in inspect.signature(cls).parameters.values():
        wanted = wires.get(parameter.name)
        if parameter.default is parameter.empty and wanted is not None and wanted not in value:
            yield f"{where}: {wanted} is required"
    for key, item in value.items():
        if key not in hints:
            yield f"{where}.{key}: {cls.__name__} has no such property"
            continue
        yield from _value(item, hints[key], f"{where}.{key}")


def _value(value: Any, hint: Any, where: str) -> Iterator[str]:
    value = value.value if isinstance(value, Secret) else value
    if value is UNKNOWN or value is None:
        return
    options = list(_choices(hint))
    classes = [option for option in options if _types.is_input_type(option)]
    if isinstance(value, Mapping):
        yield from _mapping(value, options, classes, where)
    elif isinstance(value, list | tuple):
        items = [get_args(option)[0] for option in options if get_origin(option) in _SEQUENCES]
        if not items:
            yield f"{where}: a list where {options} is wanted"
        for position, item in enumerate(value):
            yield from _value(item, items[0] if items else Any, f"{where}[{position}]")
    elif not any(_scalar_fits(value, option) for option in options):
        yield f"{where}: {value!r} where {options} is wanted"


_SEQUENCES = (list, collections.abc.Sequence)
_MAPPINGS = (dict, collections.abc.Mapping)


def _mapping(value: Mapping[str, Any], options: list[Any], classes: list[type], where: str) -> Iterator[str]:
    if classes:
        yield from _object(value, classes[0], where)
        return
    kinds = [get_args(option)[1] for option in options if get_origin(option) in _MAPPINGS]
    if not kinds and Any not in options:
        yield f"{where}: a mapping where {options} is wanted"
    for key, item in value.items():
        yield from _value(item, kinds[0] if kinds else Any, f"{where}.{key}")


def _choices(hint: Any) -> Iterator[Any]:
    """The plain types inside Optional, Input, Output and unions."""
    origin = get_origin(hint)
    if origin is Union or origin is types.UnionType:
        for part in get_args(hint):
            yield from _choices(part)
    elif origin in {pulumi.Output, collections.abc.Awaitable}:
        yield from _choices(get_args(hint)[0])
    elif hint is not type(None):
        yield hint


def _scalar_fits(value: Any, option: Any) -> bool:
    if option is Any:
        return True
    if get_origin(option) is typing.Literal:
        return value in get_args(option)
    if isinstance(value, bool):
        return option is bool
    if isinstance(value, NUMBERS):
        return option in NUMBERS and (option is float or float(value).is_integer())
    return isinstance(value, str) and (
        option is str or (isinstance(option, type) and issubclass(option, str))
    )
