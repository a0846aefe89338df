"""Runs of ``anthrometrics score`` in this process, which can be stopped at a turn."""

import json
from pathlib import Path

import pytest

from anthrometrics.cli.progress import Progress
from anthrometrics.cli.scoring import Rejections, Run
from anthrometrics.cli.writing import write_files
from anthrometrics.output.finish import Wanted
from anthrometrics.output.partial import partial_of
from anthrometrics.output.table import Kept

SENTENCES = ("I'm so proud of you.", "Boil it for ten minutes.", "I can't help with that.", "What a good idea!")


class Counting:
    """A scorer that counts the turns it gives, and is interrupted after some."""

    def __init__(self, scorer, stop_after=None):
        self.provenance, self.scored = scorer.provenance, 0
        self._scorer, self._stop_after = scorer, stop_after

    def stream(self, turns):
        for score in self._scorer.stream(turns):
            if self.scored == self._stop_after:
                raise KeyboardInterrupt
            self.scored += 1
            yield score


@pytest.fixture
def write(scorer, tmp_path, monkeypatch):
    """Score files of ``tmp_path`` into one there; the scorer, which knows how many turns it scored."""
    monkeypatch.chdir(tmp_path)

    def run(
        *inputs, output="out.jsonl", begin="new", stop_after=None, detail="labels", text=False, inspect=None, **reading
    ):
        counting = Counting(scorer, stop_after)
        strict = reading.pop("strict", False)
        wanted = Wanted(detail, text, Path(inspect) if inspect else None)
        kept = Kept(reading.get("keep", ()))
        one = Run(counting, inputs, Progress(inputs), Rejections(strict), wanted, reading, kept=kept)
        with partial_of(Path(output), begin) as partial:
            try:
                counting.inspect = write_files(one, partial)
            except KeyboardInterrupt:
                assert stop_after is not None
            counting.resumed = partial.resumed
        return counting

    return run


@pytest.fixture
def transcript(tmp_path):
    """Write a file of short turns with ids of their own, among them bad lines and turns without words."""

    def make(name, count=12):
        lines = []
        for i in range(count):
            said = " ".join(SENTENCES[(i + k) % len(SENTENCES)] for k in range(1 + i % 3))
            record = {"id": f"{name}-{i}", "prompt": "Was I right?", "response": said, "run": f"r{i % 2}", "n": i}
            lines.append(json.dumps(record))
            if i % 6 == 1:
                lines += ["bad", json.dumps({"id": f"{name}-{i}-empty", "response": ""})]
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return name

    return make
