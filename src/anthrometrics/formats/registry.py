"""Every format by name, and which of them a file is written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.formats.anthropic import ANTHROPIC_BATCH, ANTHROPIC_MESSAGE
from anthrometrics.formats.chat import CHAT
from anthrometrics.formats.corpora import ALPACA, COMPLETION, SHAREGPT, WILDCHAT
from anthrometrics.formats.evaluations import ALPACA_EVAL, GARAK, LM_EVAL
from anthrometrics.formats.inspect_samples import INSPECT
from anthrometrics.formats.openai import OPENAI_BATCH, OPENAI_COMPLETION
from anthrometrics.formats.preferences import HH_RLHF, PREFERENCE
from anthrometrics.formats.traces import LANGFUSE, LANGSMITH, OTEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from anthrometrics.formats.base import Format

__all__ = ["FORMATS", "candidates", "format_named"]

FORMATS: Final[dict[str, Format]] = {
    form.name: form
    for form in (
        CHAT,
        OPENAI_COMPLETION,
        OPENAI_BATCH,
        ANTHROPIC_MESSAGE,
        ANTHROPIC_BATCH,
        SHAREGPT,
        ALPACA,
        COMPLETION,
        WILDCHAT,
        HH_RLHF,
        PREFERENCE,
        ALPACA_EVAL,
        LM_EVAL,
        GARAK,
        INSPECT,
        OTEL,
        LANGFUSE,
        LANGSMITH,
    )
}


def format_named(name: str) -> Format:
    """The format of a name.

    Raises:
        InputError: There is none; the message lists them.
    """
    if name not in FORMATS:
        raise InputError(f"no format is called {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name]


def candidates(records: Iterable[Mapping[str, Any]]) -> list[Format]:
    """Formats that the records can be written in.

    Args:
        records: JSON objects. Those that no format knows say nothing.

    Returns:
        The formats that match every record that any format matches; empty if there is no such record.

    Raises:
        InputError: Two records are of different formats.
    """
    found: list[Format] = []
    for record in records:
        matching = [form for form in FORMATS.values() if form.matches(record)]
        if not matching:
            continue
        left = [form for form in matching if not found or form in found]
        if not left:
            names = ", ".join(form.name for form in (*found, *matching))
            raise InputError(f"its records are of different formats ({names}); say with --format which to read")
        found = left
    return found
