"""Less talk of libraries while a run says itself what it does."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """No bars of transformers, and no warnings that it and PEFT give about their own future; errors stay."""
    try:
        import transformers
    except ImportError:
        # What lacks is said by what needs it.
        yield
        return
    logging: Any = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(transformers|peft)(\.|$)")
            yield
    finally:
        if shown:
            logging.enable_progress_bar()
