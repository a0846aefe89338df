"""What a container gives: records, and why one could not be read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

__all__ = ["Raw"]


@dataclass(frozen=True, slots=True)
class Raw:
    """One record of a file.

    Attributes:
        number: Its line from 1, or its place from 1 in an array, a log, a Parquet or Arrow file or a dataset.
        value: What it holds.
        error: Why it could not be read, or None.
        source: The bytes it was read from, or None where it has none of its own.
    """

    number: int
    value: Any = None
    error: str | None = None
    source: bytes | None = None

    def text(self) -> str:
        """As it stood in the file, undecodable bytes replaced."""
        if self.source is not None:
            return self.source.decode("utf-8", errors="replace").rstrip("\r\n")
        return "" if self.value is None else json.dumps(self.value, ensure_ascii=False, default=str)
