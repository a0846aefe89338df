"""Less talk of libraries while a run says itself what it does."""

from __future__ import annotations

import warnings
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from anthrometrics.errors import MissingExtraError
from anthrometrics.induction.chat_models import without_bars

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """No bars of transformers, and no warnings that it and PEFT give about their own future; errors stay."""
    with ExitStack() as stack:
        # What lacks is said by what needs it.
        with suppress(MissingExtraError):
            stack.enter_context(without_bars())
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", module=r"(transformers|peft)(\.|$)")
        yield
