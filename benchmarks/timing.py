"""Interleaved timing: the arms take turns, so that a machine that slows down slows all of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Timings:
    """Seconds of each arm, round by round."""

    seconds: dict[str, list[float]]

    def rate(self, arm: str, amount: float) -> float:
        """``amount`` per second, from the median round."""
        return amount / median(self.seconds[arm])

    def speedup(self, arm: str, over: str) -> float:
        """How many times as fast ``arm`` is as ``over``: ratio of medians."""
        return median(self.seconds[over]) / median(self.seconds[arm])

    def spread(self, arm: str, over: str) -> str:
        """Smallest and largest speed-up within one round."""
        ratios = [slow / fast for slow, fast in zip(self.seconds[over], self.seconds[arm], strict=True)]
        return f"rounds {min(ratios):.3f} to {max(ratios):.3f}"


def interleave(arms: dict[str, Callable[[], object]], rounds: int) -> Timings:
    """Run every arm once untimed, then all of them in turn, ``rounds`` times (A B A B …)."""
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(rounds + 1):
        for name, arm in arms.items():
            begin = time.perf_counter()
            arm()
            elapsed = time.perf_counter() - begin
            if number:
                seconds[name].append(elapsed)
        say(f"round {number} of {rounds}" if number else "warmed up")
    return Timings(seconds)


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"  {text}", file=sys.stderr, flush=True)
