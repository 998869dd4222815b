"""Fields of Envoy's configuration: in either spelling, and of the kind that they should be.

Envoy takes a field's name with underscores and in camel case, as its protobuf does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.traffic.route_file import Malformed


def get(mapping: Any, name: str) -> Any:
    """The field in either spelling, or None."""
    if not isinstance(mapping, dict):
        raise Malformed(f"has something else where a mapping with {name!r} is due")
    value = mapping.get(name)
    return mapping.get(_camel(name)) if value is None else value


def key_for(mapping: Mapping[Any, Any], name: str) -> str:
    """The spelling that the mapping uses."""
    return _camel(name) if _camel(name) in mapping else name


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def items(mapping: Any, name: str) -> list[Any]:
    value = get(mapping, name)
    if value is None or value == "":
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Malformed(f"has something else where a list of mappings {name!r} is due")
    return value


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Malformed("has a weight that is no number")
    try:
        number = int(value) if not isinstance(value, float) else round(value)
    except (ValueError, OverflowError) as error:
        raise Malformed(f"has a weight {value!r} that is no number") from error
    if not 0 <= number < 2**32:
        raise Malformed(f"has a weight of {number}")
    return number
