"""A model's signature: the inputs that it takes, the outputs that it gives, and what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# What a server that enforces a signature on a table converts by itself; it refuses the rest.
_WIDER = frozenset({("integer", "long"), ("integer", "double"), ("float", "double")})


@dataclass(frozen=True, slots=True)
class Column:
    """One input or output. `type` is a data type such as "double", or a description of a tensor."""

    name: str
    type: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Signature:
    inputs: tuple[Column, ...] = ()
    outputs: tuple[Column, ...] = ()
    why: str = ""
    """Why nothing is known, in words; empty where the signature is known."""


def changes(champion: Signature, candidate: Signature) -> list[str]:
    """What breaks a caller who speaks to the champion, in words; empty where nothing does.

    He sends the champion's inputs: none may be gone, none may be needed beside them, and a type
    may only become a wider one. He reads the champion's outputs: none may be gone or change type.
    An optional input and an output more break nobody.
    """
    found = _gone("input", champion.inputs, candidate.inputs)
    known = {column.name: column for column in champion.inputs}
    for column in candidate.inputs:
        before = known.get(column.name)
        if before is None:
            if column.required:
                found.append(f"input {column.name} ({column.type}) was added")
        elif before.type != column.type and (before.type, column.type) not in _WIDER:
            found.append(f"input {column.name} was {before.type} and is {column.type}")
        elif column.required and not before.required:
            found.append(f"input {column.name} was optional and is required")
    found += _gone("output", champion.outputs, candidate.outputs)
    given = {column.name: column for column in champion.outputs}
    for column in candidate.outputs:
        before = given.get(column.name)
        if before is not None and before.type != column.type:
            found.append(f"output {column.name} was {before.type} and is {column.type}")
    return found


def _gone(what: str, before: Sequence[Column], after: Sequence[Column]) -> list[str]:
    names = {column.name for column in after}
    return [f"{what} {column.name} was removed" for column in before if column.name not in names]
