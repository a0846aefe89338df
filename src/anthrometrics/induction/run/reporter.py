"""What a run says while it works."""

from __future__ import annotations

__all__ = ["Reporter"]


class Reporter:
    """Says nothing; the command line has one that does."""

    def stage(self, name: str) -> None:
        """A stage begins."""

    def say(self, text: str) -> None:
        """Something is done, or has gone wrong."""

    def progress(self, what: str, done: int, total: int, note: str = "") -> None:
        """So many of so many steps of something are done.

        Args:
            what: Such as ``"train empathy/seed-0"``.
            done: Steps done.
            total: Steps in all.
            note: Such as the loss.
        """
