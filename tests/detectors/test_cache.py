"""What is scored twice is judged once, whatever else happens."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError, Scorer, Turn
from anthrometrics.detectors.cache import LogitCache, TurnLogits, text_key
from anthrometrics.detectors.segment import Span

TEXTS = st.one_of(st.none(), st.text(max_size=6))


def logits(sentences=1):
    return TurnLogits((Span(0, 1),) * sentences, np.zeros((sentences, 21), dtype=np.float32), np.zeros(3))


class TestKey:
    @given(TEXTS, st.text(max_size=6), TEXTS, st.text(max_size=6))
    def test_keys_are_equal_exactly_where_the_texts_are(self, prompt, response, other_prompt, other_response):
        same = text_key(Turn(response, prompt)) == text_key(Turn(other_response, other_prompt))
        assert same == ((prompt, response) == (other_prompt, other_response))

    def test_id_and_place_do_not_matter(self):
        assert text_key(Turn("a", "b", id="1", index=3)) == text_key(Turn("a", "b"))

    def test_lone_surrogates_have_a_key(self):
        assert text_key(Turn("\ud800")) != text_key(Turn("\ud801"))


class TestLogitCache:
    @given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40)), max_size=60))
    def test_it_never_holds_more_than_its_capacity(self, entries):
        cache, sizes = LogitCache(20_000), {}
        for key, sentences in entries:
            cache.put(bytes([key]), logits(sentences))
            sizes.setdefault(bytes([key]), logits(sentences).size)
        held = [key for key in sizes if cache.get(key) is not None]
        assert len(cache) == len(held)
        assert sum(cache.get(key).size for key in held) <= 20_000

    def test_the_least_recently_used_entry_makes_room(self):
        cache = LogitCache(2 * logits().size)
        cache.put(b"a", logits())
        cache.put(b"b", logits())
        cache.get(b"a")
        cache.put(b"c", logits())
        assert cache.get(b"b") is None
        assert cache.get(b"a") is not None and cache.get(b"c") is not None

    def test_an_entry_larger_than_the_cache_is_not_kept(self):
        cache = LogitCache(100)
        cache.put(b"a", logits(50))
        assert len(cache) == 0


class TestScorer:
    @pytest.fixture
    def counted(self, monkeypatch):
        """A scorer and the list of windows that it ran."""

        def make(**options):
            scorer, ran = Scorer(device="cpu", threads=2, **options), []
            run = scorer._encoder.run
            monkeypatch.setattr(scorer._encoder, "run", lambda window: ran.append(window) or run(window))
            return scorer, ran

        return make

    def test_equal_turns_are_encoded_once_and_keep_their_own_ids(self, counted):
        scorer, ran = counted()
        turns = [Turn("I love this!", "Look.", id=str(i)) for i in range(200)]
        scores = scorer.score_many(turns)
        assert len(ran) == 1
        assert [score.id for score in scores] == [turn.id for turn in turns]
        assert len({score.anthropomorphism for score in scores}) == 1

    def test_the_cache_lives_between_calls(self, counted):
        scorer, ran = counted()
        assert scorer.score("I love this!") == scorer.score("I love this!")
        assert len(ran) == 1

    def test_without_a_cache_every_turn_is_encoded(self, counted):
        scorer, ran = counted(cache_mb=0)
        scorer.score_many(["I love this!"] * 5)
        assert len(ran) == 5

    def test_the_prompt_is_part_of_what_must_be_equal(self, counted):
        scorer, ran = counted()
        scorer.score_many([("Is it so?", "You are right."), ("It is so.", "You are right."), "You are right."])
        assert len(ran) == 3

    def test_scores_are_the_same_with_and_without(self, real_turns):
        turns = [*real_turns[:30], *real_turns[:10], Turn(""), Turn(""), *real_turns[20:30]]
        with_cache = Scorer(device="cpu").score_many(turns).to_dicts("sentences")
        assert with_cache == Scorer(device="cpu", cache_mb=0).score_many(turns).to_dicts("sentences")

    def test_turns_that_cannot_be_scored_stay_so(self, counted):
        scorer, _ = counted()
        reasons = [score.reason for score in scorer.score_many([Turn(None), Turn(""), Turn(" "), Turn("---")] * 2)]
        assert reasons == ["non_text", "empty", "whitespace", "no_words"] * 2

    def test_a_negative_size_is_refused(self):
        with pytest.raises(InputError, match="cache_mb"):
            Scorer(device="cpu", cache_mb=-1)
