"""This package's own lines, and OpenAI's chat messages: ``{"prompt"?, "response"}`` or ``{"messages": [...]}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError
from anthrometrics.formats.base import Format, field_names, identifier, message, messages
from anthrometrics.formats.inspect_samples import is_sample
from anthrometrics.turns import Conversation

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CHAT"]


def _matches(record: Mapping[str, Any]) -> bool:
    # Batches have a response too, preference pairs may bring their messages along, and samples of Inspect have some.
    if "custom_id" in record or {"chosen", "rejected"} <= record.keys() or is_sample(record):
        return False
    return isinstance(record.get("messages"), list) or isinstance(record.get("response", 0), str | None)


def _conversations(record: Mapping[str, Any]) -> list[Conversation]:
    """A response of ``null`` gives a turn without text; it will be reported as unscored."""
    name = identifier(record)
    if "messages" in record:
        return [Conversation(messages(record["messages"]), name)]
    if "response" not in record:
        raise InputError(
            f'expected a field "response" or "messages"; this object has {field_names(record)}. '
            '"anthrometrics formats" lists other shapes; --response-field names a field of your own'
        )
    said = (message("user", record.get("prompt"), "prompt"), message("assistant", record["response"], "response"))
    return [Conversation(said, name)]


CHAT = Format(
    name="chat",
    title="prompt and response, or OpenAI chat messages",
    example='{"id": "a1", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}',
    matches=_matches,
    conversations=_conversations,
)
