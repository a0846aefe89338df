"""Memory and disk that run out while a model trains, told in words that help."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from anthrometrics.errors import AnthrometricsError, InputError, TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anthrometrics.induction.tuning.config import TuningConfig

__all__ = ["told_of_disk", "told_of_memory"]

# The allocator of a CPU, and cuBLAS, which needs memory of its own.
_MEMORY: Final = re.compile(r"allocate memory|out of memory|_ALLOC_FAILED")
# Files are written in Rust (weights, tokenizer) and C++ (state of the optimiser), whose errors are no OSError; the
# numbers are those of a full disk, a quota and a file that may not be so large.
_DISK: Final = re.compile(r"os error (?:28|122|27)\b|No space left|quota exceeded|File too large|PytorchStreamWriter")


@contextmanager
def told_of_memory(config: TuningConfig) -> Iterator[None]:
    """Tell of too little memory.

    Raises:
        TrainingError: There was too little.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not _MEMORY.search(str(error)):
            raise
        ways = f"a smaller batch_size (now {config.batch_size}) with more accumulation"
        ways += "" if config.gradient_checkpointing else ", gradient_checkpointing"
        ways += ", an adapter instead of all weights" if config.full else ", or quantized on CUDA"
        raise TrainingError(f"memory does not suffice for training; try {ways}") from error


@contextmanager
def told_of_disk(out: Path) -> Iterator[None]:
    """Tell of a folder that cannot be written.

    Raises:
        InputError: It cannot.
    """
    try:
        yield
    except AnthrometricsError:
        raise
    except OSError as error:
        raise InputError(_said(out, error.strerror or str(error))) from error
    except Exception as error:
        if not _DISK.search(str(error)):
            raise
        raise InputError(_said(out, str(error).splitlines()[0])) from error


def _said(out: Path, reason: str) -> str:
    return f"cannot write the adapter to {out}: {reason}; make room, and the same call goes on where it stopped"
