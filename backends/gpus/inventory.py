"""Which GPUs a host has had, so that one that is gone is missed."""

from __future__ import annotations

from backends.gpus.words import GONE
from core.gpus import Gpu, unseen
from core.status import State


class Inventory:
    """Remembers GPUs by their UUID: an index names another GPU once one before it is gone."""

    def __init__(self) -> None:
        self.most = 0
        """The most GPUs that were listed at once."""
        self._known: dict[str, Gpu] = {}

    def complete(self, gpus: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
        """The GPUs of a sample, a lost one with what was known of it, and those not listed."""
        self.most = max(self.most, len(gpus))
        for gpu in gpus:
            if gpu.uuid and (gpu.seen or gpu.uuid not in self._known):
                self._known[gpu.uuid] = gpu
        listed = {gpu.uuid for gpu in gpus}
        absent = {gpu.index: gpu for uuid, gpu in self._known.items() if uuid not in listed}
        rows = []
        for gpu in gpus:
            before = self._known.get(gpu.uuid)
            if not gpu.uuid and not gpu.seen:
                before = absent.pop(gpu.index, None)
            rows.append(unseen(before, gpu.state, gpu.because) if before and not gpu.seen else gpu)
        rows += [unseen(gpu, State.CRITICAL, GONE) for gpu in absent.values()]
        return tuple(sorted(rows, key=lambda gpu: gpu.index))
