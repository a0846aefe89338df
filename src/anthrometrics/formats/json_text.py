"""A long text of JSON, decoded value by value while it is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.formats.raw import Raw

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JsonText"]

_CHUNK: Final = 1 << 16


class JsonText:
    """A place in a text of JSON.

    Args:
        read: Gives up to so many more characters, and ``""`` at the end. Bytes that were no UTF-8 are lone surrogates.
            Whatever ``ValueError`` it raises passes through.
    """

    def __init__(self, read: Callable[[int], str]) -> None:
        self._more = read
        self._buffer = ""
        self._position = 0
        self._ended = False
        self._decoder = json.JSONDecoder()

    def skip(self, passed: str = "") -> str:
        """Pass over white space and some characters.

        Returns:
            The next character, which is not passed, or ``""`` at the end.
        """
        while True:
            while self._position < len(self._buffer):
                character = self._buffer[self._position]
                if not character.isspace() and character not in passed:
                    return character
                self._position += 1
            if self._ended:
                return ""
            self._read(_CHUNK)

    def take(self, expected: str) -> None:
        """Pass over white space and a character that must come next.

        Raises:
            ValueError: Another comes.
        """
        found = self.skip()
        if found != expected:
            raise ValueError(f'not JSON from here on: "{expected}" expected, found {found or "the end"}')
        self._position += 1

    def value(self) -> tuple[Any, str]:
        """The value that begins here, after white space, and its text.

        Raises:
            ValueError: There is none that can be decoded.
        """
        self.skip()
        size = _CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._position)
            except RecursionError as error:
                raise ValueError("not usable JSON from here on: nested too deeply") from error
            except ValueError as error:
                if self._ended:
                    raise ValueError(f"not JSON from here on: {error}") from error
            else:
                # A number at the end of what was read may go on.
                if self._ended or end < len(self._buffer):
                    source = self._buffer[self._position : end]
                    self._position = end
                    return value, source
            self._read(size)
            size *= 2

    def record(self, number: int) -> Raw:
        """The value that begins here as a record, unless bytes that were no UTF-8 are in it.

        Raises:
            ValueError: There is none that can be decoded.
        """
        value, text = self.value()
        try:
            return Raw(number, value, source=text.encode())
        except UnicodeEncodeError:
            return Raw(number, error="not valid UTF-8", source=text.encode(errors="surrogateescape"))

    def rest(self) -> bytes:
        """The next few characters, for errors."""
        return self._buffer[self._position : self._position + 200].encode(errors="replace")

    def _read(self, size: int) -> None:
        more = self._more(size)
        self._buffer, self._position, self._ended = self._buffer[self._position :] + more, 0, not more
