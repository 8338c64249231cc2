"""The common base of every spec section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


class Section(BaseModel):
    """Frozen, strict, no unknown keys; camelCase in files, snake_case in Python."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        use_attribute_docstrings=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _lists_as_tuples(cls, value: Any) -> Any:
        """YAML and JSON have lists only, and strict tuples take none: turned here, one level deep."""
        if not isinstance(value, Mapping):
            return value
        return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
