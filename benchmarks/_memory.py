"""Peak memory of a block of code."""

from __future__ import annotations

import threading
from pathlib import Path


class PeakMemory:
    """Largest growth of resident memory inside the block, in MiB, sampled every 2 ms."""

    def __enter__(self) -> PeakMemory:
        self._stop, self._base = threading.Event(), self._resident()
        self._peak = self._base
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.growth = max(self._peak, self._resident()) - self._base

    def _watch(self) -> None:
        while not self._stop.wait(0.002):
            self._peak = max(self._peak, self._resident())

    @staticmethod
    def _resident() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
