"""Envoy's route files as documents: JSON or YAML in, the same kind out, scalars as they stood.

YAML means different things to different parsers ("12:30", "no", "0644"). So a scalar is never
interpreted here: what was plain is written plain again and what was quoted is quoted again, and
Envoy reads from the new file what it read from the old one.
"""

from __future__ import annotations

import json
from typing import Any

MOST_NODES = 200_000
"""Of a YAML document with its aliases written out; more is an accident or an attack."""


class Malformed(ValueError):
    """A route document that is not what Envoy's documentation says, or that cannot be kept."""


class Plain(str):
    """A YAML scalar that stood without quotes."""

    __slots__ = ()


class Quoted(str):
    """A YAML scalar that stood in quotes, or as a block."""

    __slots__ = ()


def load(text: bytes) -> dict[Any, Any]:
    """The document. What starts like JSON is read as JSON, which is fifty times as fast."""
    if not text.strip():
        raise Malformed("is empty")
    document: Any = None
    if text.lstrip()[:1] == b"{":
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None  # A YAML mapping may also start with a brace.
    if document is None:
        document = _load_yaml(text)
    if not isinstance(document, dict):
        raise Malformed("holds no mapping")
    return document


def dump(document: dict[Any, Any], like: bytes) -> bytes:
    """The document in the notation of `like`. Comments of a YAML file are not kept."""
    if _is_json(like):
        indent = 2 if b"\n" in like.strip() else None
        return (json.dumps(document, indent=indent, ensure_ascii=False) + "\n").encode()
    return _dump_yaml(document)


def _is_json(text: bytes) -> bool:
    if text.lstrip()[:1] != b"{":
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _load_yaml(text: bytes) -> Any:
    import yaml

    try:
        node = yaml.compose(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        return _Converter().value(node)
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        if isinstance(error, Malformed):
            raise
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        said = getattr(error, "problem", None) or "cannot be read"
        raise Malformed(f"is no YAML{line}: {said}") from error
    except RecursionError as error:
        raise Malformed("is nested too deeply") from error


class _Converter:
    def __init__(self) -> None:
        self._seen = 0
        self._open: set[int] = set()

    def value(self, node: Any) -> Any:
        import yaml

        self._seen += 1
        if self._seen > MOST_NODES:
            raise Malformed(f"has more than {MOST_NODES} nodes")
        if node is None:
            return None
        if isinstance(node, yaml.ScalarNode):
            if node.tag != "tag:yaml.org,2002:str":
                raise Malformed(f"uses the YAML tag {node.tag}, which cannot be kept")
            return Quoted(node.value) if node.style else Plain(node.value)
        if id(node) in self._open:
            raise Malformed("holds itself through a YAML alias")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item) for item in node.value]
            found: dict[Any, Any] = {}
            for key, item in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise Malformed("has a key that is no word")
                if key.value in found:
                    raise Malformed(f"has the key {key.value!r} twice in one mapping")
                found[self.value(key)] = self.value(item)
            return found
        finally:
            self._open.discard(id(node))


def _dump_yaml(document: Any) -> bytes:
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    kind: Any = type("Dumper", (base,), {"ignore_aliases": lambda _self, _data: True})

    def plain(dumper: Any, value: Plain) -> Any:
        tag = dumper.resolve(yaml.ScalarNode, str(value), (True, False))
        return yaml.ScalarNode(tag, str(value))

    def quoted(dumper: Any, value: Quoted) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style='"')

    kind.add_representer(Plain, plain)
    kind.add_representer(Quoted, quoted)
    text = yaml.dump(document, Dumper=kind, sort_keys=False, allow_unicode=True, width=10_000)
    return str(text).encode()
