"""The unfinished output of one run: kept beside the file it becomes, and picked up again."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, TextIO

from anthrometrics.errors import InputError
from anthrometrics.output.atomic import COMPANIONS, SURROGATES, beside, check_target, move, sweep
from anthrometrics.output.journal import Journal
from anthrometrics.output.plan import differences
from anthrometrics.output.state import StateFile
from anthrometrics.scores import text_hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anthrometrics.output.plan import Plan
    from anthrometrics.turns import Turn

__all__ = ["PARTIAL", "Begin", "Partial", "Replay", "partial_of"]

Begin = Literal["new", "resume", "restart"]
# Of the journal, of what is run, and of the rejected lines; the last are found again when the inputs are read again.
PARTIAL = (".partial.jsonl", ".partial.state.json", ".partial.rejected.jsonl")


class Partial:
    """What ``partial_of`` gives.

    Attributes:
        output: The file it becomes.
        journal: Records of the turns that were scored.
        rejected_path: Where lines that could not be read are gathered.
        rejected: The same, open from ``begin`` on.
        resumed: Turns that were there already when the run began.
        finished: Set by whoever has made the output; then everything here goes away.
    """

    def __init__(self, output: Path, begin: Begin) -> None:
        check_target(output)
        journal, state, self.rejected_path = (beside(output, suffix) for suffix in PARTIAL)
        self.output, self.finished, self.resumed = output, False, 0
        self.rejected: TextIO | None = None
        self._begin, self._begun, self._resumable = begin, False, True
        self._state = StateFile(state, output)
        try:
            self.journal = Journal(journal)
            self._refuse_what_is_there()
        except InputError:
            self._state.close()
            raise

    def begin(self, plan: Plan) -> TextIO:
        """Go on where the earlier run stopped, or begin; the file for rejected lines.

        Raises:
            InputError: The earlier run was of something else, or the disk is full.
        """
        if self._begin == "resume" and self.journal.turns:
            self._check(plan)
        else:
            self.journal.remove()
            self._state.write(plan.to_dict())
        self.resumed, self._resumable, self._begun = self.journal.turns, plan.resumable, True
        # What a run left that was killed while it made its output.
        for path in (self.output, *(beside(self.output, suffix) for suffix in COMPANIONS)):
            sweep(path)
        try:
            self.rejected = self.rejected_path.open("w", encoding="utf-8", errors=SURROGATES, newline="\n")
        except OSError as error:
            raise InputError(f"cannot write {self.rejected_path}: {error.strerror or error}") from error
        return self.rejected

    @property
    def kept(self) -> bool:
        """Whether there is something to go on with after this process."""
        return self._begun and self._resumable and not self.finished and self.journal.turns > 0

    def keep_rejected(self, target: Path) -> None:
        """Put the rejected lines where they stay.

        Raises:
            InputError: The disk is full.
        """
        assert self.rejected is not None, "begin comes first"
        try:
            self.rejected.close()
        except OSError as error:
            raise InputError(f"cannot write {self.rejected_path}: {error.strerror or error}") from error
        move(self.rejected_path, target)

    def discard(self) -> None:
        """Leave nothing: the run is not to go on."""
        self._resumable = False

    def close(self) -> None:
        """Leave what a later run can go on with, and nothing else."""
        self.journal.close()
        if self.rejected is not None:
            # A full disk may keep it from being written to the end, which does not matter any more.
            with suppress(OSError):
                self.rejected.close()
            self.rejected_path.unlink(missing_ok=True)
        stays = self.kept or (not self._begun and self.journal.turns > 0)
        if not stays:
            self.journal.remove()
        self._state.close(remove=not stays)

    def _refuse_what_is_there(self) -> None:
        if self._begin == "new" and self.journal.turns:
            raise InputError(
                f"{self.journal.path} holds {self.journal.turns:,} turns of an unfinished run; go on with it by "
                "--resume, or begin again by --restart, which deletes it"
            )

    def _check(self, plan: Plan) -> None:
        was = self._state.read()
        again = "finish it as it was begun, or begin again by --restart"
        if was is None:
            raise InputError(
                f"cannot resume {self.journal.path}: what it was made of is not known, as its state file is missing or "
                "damaged; begin again by --restart"
            )
        found = differences(was, plan.to_dict())
        if found:
            raise InputError("\n  ".join([f"cannot resume {self.journal.path}; {again}. What differs:", *found]))


@contextmanager
def partial_of(output: Path, begin: Begin) -> Iterator[Partial]:
    """Hold the unfinished output of ``output``; no other process can meanwhile.

    Args:
        output: The file to write in the end.
        begin: ``"new"`` refuses to touch the journal of an unfinished run, ``"resume"`` goes on with it if there is
            one, ``"restart"`` deletes it.

    Raises:
        InputError: There is an unfinished run, another process is at it, or the folder cannot be written.
    """
    partial = Partial(output, begin)
    try:
        yield partial
    finally:
        partial.close()


class Replay:
    """Records of a journal, handed out input by input and compared with the turns that are read again.

    Args:
        journal: Where they lie.
    """

    def __init__(self, journal: Journal) -> None:
        self._path = journal.path
        self._records = journal.records()
        self._next = next(self._records, None)

    def of(self, path: str, turns: Iterator[Turn]) -> Iterator[dict[str, Any]]:
        """The records of an input; as many turns are taken.

        Raises:
            InputError: A turn is not the one that was scored.
        """
        # Records tell their file only where there are several.
        while self._next is not None and self._next.get("file", path) == path:
            record = self._next
            if not _is_of(record, next(turns, None)):
                raise self._unlike()
            yield record
            self._next = next(self._records, None)

    def end(self) -> None:
        """Check that nothing is left, before any turn is scored or after all were read.

        Raises:
            InputError: There is.
        """
        if self._next is not None:
            raise self._unlike()

    def _unlike(self) -> InputError:
        return InputError(
            f"cannot resume {self._path}: its turns are not those that are read now; begin again by --restart"
        )


def _is_of(record: dict[str, Any], turn: Turn | None) -> bool:
    """Whether a record is that of a turn."""
    if turn is None:
        return False
    expected = (turn.id, turn.index, text_hash(turn.prompt), text_hash(turn.response))
    return (record["id"], record["turn"], record["prompt_hash"], record["response_hash"]) == expected
