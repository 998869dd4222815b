"""What every settable adapter must do. Subclass `SettableContract` and give it a `harness`.

    class TestMyAlias(SettableContract):
        @pytest.fixture
        def harness(self) -> SettableHarness:
            return MyHarness()

The suite talks to the real system wherever one can be started. Import needs pytest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

import pytest

from backends.base import Settable
from core.errors import BackendError, Conflict, Denied
from core.refs import Ref, Value


class SettableHarness(Protocol):
    """The system under test, seen from outside the adapter.

    Each test gets its own thing to set, so that tests may run in any order and side by side.
    """

    ref: Ref
    """Something that exists."""
    values: tuple[Value, Value]
    """Two values that it can take, neither of them the first one."""
    missing: Ref
    """The same kind of ref, of something that does not exist."""
    wrong: Value
    """A value that no such ref can take."""

    def open(self) -> Settable:
        """A fresh adapter, as another process would open it. The suite closes it."""

    def outside(self, value: Value) -> None:
        """Set the ref as somebody else would, past the adapter."""


async def attempt(call: Callable[[], Awaitable[Any]]) -> Exception | None:
    """What the call raised."""
    try:
        await call()
    except Exception as error:
        return error
    return None


def said_well(error: BaseException) -> None:
    """An error of a backend says which one, what was asked of it, and what to do."""
    assert isinstance(error, BackendError), repr(error)
    assert error.message
    assert error.backend
    assert error.operation
    assert error.hint
    assert all(character.isprintable() for character in error.message)


class Opens(Protocol):
    def open(self) -> Any:
        """A fresh adapter, as another console would open it."""


def opened(harness: Opens, body: Callable[[Any], Awaitable[Any]]) -> Any:
    """`body` with an adapter of the harness, which closes quickly after it."""

    async def whole() -> Any:
        adapter = harness.open()
        try:
            return await body(adapter)
        finally:
            started = time.monotonic()
            await adapter.close()
            assert time.monotonic() - started < 1.5

    return asyncio.run(whole())


class SettableContract:
    """Read, write, and what must not happen."""

    def run(self, harness: Opens, body: Callable[[Any], Awaitable[Any]]) -> Any:
        return opened(harness, body)

    def test_reads_what_was_written(self, harness: SettableHarness) -> None:
        async def body(adapter: Settable) -> None:
            for value in (*harness.values, harness.values[0]):
                now = await adapter.read(harness.ref)
                await adapter.write(harness.ref, value, before=now.value, revision=now.revision)
                assert (await adapter.read(harness.ref)).value == value

        self.run(harness, body)

    def test_another_process_reads_it_too(self, harness: SettableHarness) -> None:
        async def write(adapter: Settable) -> None:
            now = await adapter.read(harness.ref)
            await adapter.write(
                harness.ref, harness.values[0], before=now.value, revision=now.revision
            )

        async def read(adapter: Settable) -> Value:
            return (await adapter.read(harness.ref)).value

        self.run(harness, write)
        assert self.run(harness, read) == harness.values[0]

    def test_sees_what_somebody_else_set(self, harness: SettableHarness) -> None:
        async def body(adapter: Settable) -> None:
            await adapter.read(harness.ref)
            harness.outside(harness.values[1])
            assert (await adapter.read(harness.ref)).value == harness.values[1]

        self.run(harness, body)

    def test_writing_what_is_there_already_keeps_it(self, harness: SettableHarness) -> None:
        async def body(adapter: Settable) -> None:
            now = await adapter.read(harness.ref)
            await adapter.write(harness.ref, now.value, before=now.value, revision=now.revision)
            assert (await adapter.read(harness.ref)).value == now.value

        self.run(harness, body)

    def test_writing_what_is_there_already_makes_older_revisions_stale(
        self, harness: SettableHarness
    ) -> None:
        """An undo does so, and a request that was sent before it must then have no effect."""

        async def body(adapter: Settable) -> None:
            if not adapter.guarded:
                return
            # The first write of all may tidy up: it makes a new revision by what it writes.
            for _ in range(3):
                old = await adapter.read(harness.ref)
                now = await adapter.read(harness.ref)
                await adapter.write(harness.ref, now.value, before=now.value, revision=now.revision)
                assert (await adapter.read(harness.ref)).value == now.value
                with pytest.raises(Conflict):
                    await adapter.write(
                        harness.ref, harness.values[1], before=old.value, revision=old.revision
                    )
                assert (await adapter.read(harness.ref)).value == now.value

        self.run(harness, body)

    def test_what_somebody_else_set_meanwhile_is_not_overwritten(
        self, harness: SettableHarness
    ) -> None:
        async def body(adapter: Settable) -> None:
            now = await adapter.read(harness.ref)
            harness.outside(harness.values[1])
            with pytest.raises(Conflict):
                await adapter.write(
                    harness.ref, harness.values[0], before=now.value, revision=now.revision
                )
            assert (await adapter.read(harness.ref)).value == harness.values[1]

        self.run(harness, body)

    def test_of_two_writers_at_once_one_wins_where_the_system_compares(
        self, harness: SettableHarness
    ) -> None:
        async def body(adapter: Settable) -> None:
            other = harness.open()
            try:
                if not adapter.guarded:
                    return
                now = await adapter.read(harness.ref)
                results = await asyncio.gather(
                    *(
                        attempt(
                            partial(
                                a.write,
                                harness.ref,
                                v,
                                before=now.value,
                                revision=now.revision,
                            )
                        )
                        for a, v in zip((adapter, other), harness.values, strict=True)
                    )
                )
                lost = [result for result in results if result is not None]
                assert len(lost) == 1
                assert isinstance(lost[0], Conflict), repr(lost[0])
                winner = harness.values[results.index(None)]
                assert (await adapter.read(harness.ref)).value == winner
            finally:
                await other.close()

        self.run(harness, body)

    def test_what_does_not_exist_is_denied(self, harness: SettableHarness) -> None:
        async def body(adapter: Settable) -> None:
            with pytest.raises(Denied) as raised:
                await adapter.read(harness.missing)
            said_well(raised.value)

        self.run(harness, body)

    def test_a_value_that_cannot_be_is_denied_and_changes_nothing(
        self, harness: SettableHarness
    ) -> None:
        async def body(adapter: Settable) -> None:
            now = await adapter.read(harness.ref)
            with pytest.raises(Denied) as raised:
                await adapter.write(
                    harness.ref, harness.wrong, before=now.value, revision=now.revision
                )
            said_well(raised.value)
            assert (await adapter.read(harness.ref)).value == now.value

        self.run(harness, body)

    def test_a_ref_of_another_kind_is_denied(self, harness: SettableHarness) -> None:
        async def body(adapter: Settable) -> None:
            with pytest.raises(Denied) as raised:
                await adapter.read(Ref("index", "docs@live"))
            said_well(raised.value)

        self.run(harness, body)

    def test_says_how_long_a_late_write_may_land(self, harness: SettableHarness) -> None:
        async def body(adapter: Settable) -> None:
            assert isinstance(adapter, Settable)
            assert 0 <= adapter.settle_seconds < 600
            assert 0 <= adapter.timeout < 600

        self.run(harness, body)
