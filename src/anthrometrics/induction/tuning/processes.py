"""Which of several processes this is, where ``accelerate launch`` or ``torchrun`` started more than one."""

from __future__ import annotations

import os

__all__ = ["is_first", "processes"]


def is_first() -> bool:
    """Whether this process writes what all have made."""
    return os.environ.get("RANK", "0") == "0"


def processes() -> int:
    """How many share each step."""
    return int(os.environ.get("WORLD_SIZE", "1"))
