"""Order, completeness and failure of the schedule, over turns of any lengths."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anthrometrics import Scorer, Turn
from anthrometrics.detectors.cache import LogitCache, TurnLogits, text_key
from anthrometrics.detectors.schedule import in_order
from anthrometrics.detectors.segment import Span
from anthrometrics.detectors.window import EncodedTurn


class Lengths:
    """A judge whose logit is the length of the response; its windows are its thousands of characters."""

    def __init__(self):
        self.prepared = []

    def prepare(self, turn):
        self.prepared.append(turn)
        if turn.response == "x":
            raise RuntimeError("a step failed")
        return (
            EncodedTurn((Span(0, 1),), (len(turn.response),) * (1 + len(turn.response) // 1000))
            if turn.response
            else None
        )

    def encode(self, windows):
        return list(windows)

    def join(self, encoded, logits):
        assert list(encoded.windows) == logits
        return TurnLogits(encoded.spans, np.zeros((1, 21), dtype=np.float32), np.array([logits[0], len(logits), 0.0]))


def lengths(turns, threads, capacity=10**6):
    judge, cache = Lengths(), LogitCache(capacity)
    with ThreadPoolExecutor(threads) as pool:
        keyed = ((turn, text_key(turn) if capacity else None) for turn in turns)
        return list(in_order(judge, pool, threads, cache, keyed)), judge


# Empty, short, a piece, several pieces, and long enough to be cut up.
SIZES = st.sampled_from([0, 2, 2, 2, 50, 900, 4_000, 9_000, 40_000, 100_000])


@settings(max_examples=40, deadline=None)
@given(st.lists(SIZES, max_size=80), st.integers(1, 3), st.sampled_from([0, 3_000, 10**6]))
def test_every_turn_comes_out_in_its_place_with_its_own_logits(sizes, threads, capacity):
    turns = [Turn("a" * size, id=str(i)) for i, size in enumerate(sizes)]
    judged, _ = lengths(turns, threads, capacity)
    assert [turn.id for turn, _ in judged] == [turn.id for turn in turns]
    assert [0 if found is None else found.turn[0] for _, found in judged] == sizes
    assert all(found.turn[1] == 1 + size // 1000 for (_, found), size in zip(judged, sizes, strict=True) if found)


def test_equal_turns_on_their_way_are_judged_once():
    _, judge = lengths([Turn("aa"), Turn("bb")] * 300, 2)
    assert sorted(turn.response for turn in judge.prepared) == ["aa", "bb"]


def test_a_failing_step_is_raised_to_the_caller():
    with pytest.raises(RuntimeError, match="a step failed"):
        lengths([Turn("aa"), Turn("x"), Turn("bb")], 2)


def test_a_very_long_turn_scores_as_it_does_on_one_thread(example_turns):
    text = "\n\n".join(turn.response for turn in example_turns)
    assert len(text) > 32_000
    few, many = (Scorer(device="cpu", threads=n, cache_mb=0) for n in (1, 3))
    assert few.score(text).to_dict("sentences") == many.score(text).to_dict("sentences")
