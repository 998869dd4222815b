"""A version's signature, from the file `MLmodel` that MLflow's server hands out.

Which types it widens by itself stands in its documentation on signatures, "Schema Enforcement".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from backends.registry.mlflow_fields import Malformed
from core.signature import Column, Signature
from core.text import clean

LARGEST = 4 * 1024 * 1024
"""Bytes of an MLmodel; a larger one is a bad answer."""
DEEPEST = 40
MOST = 20_000
"""Columns of a signature."""
_TYPE = 200


def parse_mlmodel(content: bytes) -> Signature:
    """The signature in an MLmodel, which is YAML around two strings of JSON. Raises Malformed."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Deep nesting overflows the stack of YAML's parser in C, and ends the process.
        depth = 0
        for event in yaml.parse(content, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise Malformed("answered an MLmodel that is nested too deep")
        described = yaml.load(content, Loader=loader)
    except Malformed:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Malformed("answered an MLmodel that is no YAML") from error
    if not isinstance(described, dict) or "flavors" not in described:
        raise Malformed("answered something that is no MLmodel")
    signature = described.get("signature")
    if signature is None:
        return Signature(why="the model was logged without one")
    if not isinstance(signature, dict):
        raise Malformed("answered an MLmodel whose signature is no table")
    inputs = _columns(signature, "inputs")
    if not inputs:
        return Signature(why="it names no inputs")
    return Signature(inputs, _columns(signature, "outputs"))


def _columns(signature: Mapping[str, Any], key: str) -> tuple[Column, ...]:
    text = signature.get(key)
    if text is None:
        return ()
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise Malformed(f"answered an MLmodel whose {key} are no JSON") from error
    if not isinstance(found, list) or len(found) > MOST:
        raise Malformed(f"answered an MLmodel whose {key} are no list of columns")
    return tuple(_column(item, number, key) for number, item in enumerate(found))


def _column(item: Any, number: int, key: str) -> Column:
    if not isinstance(item, dict):
        raise Malformed(f"answered an MLmodel whose {key} hold no column")
    name = item.get("name", str(number))
    required = item.get("required", not item.get("optional", False))
    if not isinstance(name, str) or not isinstance(required, bool):
        raise Malformed(f"answered an MLmodel whose {key} hold a column without a name")
    return Column(clean(name)[:_TYPE], clean(_type(item))[:_TYPE], required)


def _type(item: Mapping[str, Any]) -> str:
    """ "double"; "tensor float32 [-1, 28, 28]"; anything nested as the JSON that describes it."""
    kind = item.get("type")
    if kind == "tensor":
        spec = item.get("tensor-spec")
        if not isinstance(spec, dict):
            raise Malformed("answered an MLmodel with a tensor that is not described")
        return f"tensor {spec.get('dtype')} {json.dumps(spec.get('shape'))}"
    rest = {k: v for k, v in item.items() if k not in ("name", "required", "optional", "type")}
    if not isinstance(kind, str):
        raise Malformed("answered an MLmodel with a column without a type")
    return f"{kind} {json.dumps(rest, sort_keys=True)}" if rest else kind
