"""Transcript files → turns."""

from anthrometrics.formats.reader import Rejected, read_turns

__all__ = ["Rejected", "read_turns"]
