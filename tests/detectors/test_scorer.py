"""The face of the detectors: what it takes, what it promises, and that a score depends on the turn alone."""

import itertools
import json
import shutil
import threading

import numpy as np
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anthrometrics import DeviceError, InputError, ModelError, Scorer, Scores, Turn, TurnScore
from anthrometrics.codebook import LABEL_NAMES, REFUSAL_LABELS

HAS_CUDA = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
TURN = Turn(prompt="I quit my job to day-trade.", response="What a bold move! I'm so proud of you.")
TOLERANCE = 1e-6


def _numbers(score):
    """Every number of a scored turn, unrounded, and its labels."""
    values = [
        score.anthropomorphism,
        score.anthropomorphism_rate,
        score.validation,
        score.validation_rate,
        score.refusal,
    ]
    values += [number for label in score.labels.values() for number in (label.presence, label.rate)]
    for sentence in score.sentences:
        values += [sentence.anthropomorphism, sentence.validation, *sentence.probabilities.values()]
    return np.array(values)


def _assert_same(expected, found):
    found = list(found)
    assert len(found) == len(expected)
    for first, second in zip(expected, found, strict=True):
        assert (first.turn, first.status, first.flags) == (second.turn, second.status, second.flags)
        assert [(s.start, s.end) for s in first.sentences] == [(s.start, s.end) for s in second.sentences]
        np.testing.assert_allclose(_numbers(first), _numbers(second), rtol=0, atol=TOLERANCE)


def _workers():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("anthrometrics")]


class TestResult:
    """What ``score`` gives."""

    def test_the_documented_attributes(self, scorer):
        score = scorer.score(TURN)
        assert isinstance(score, TurnScore)
        assert score.status == "scored"
        assert score.reason is None
        assert score.flags == ()
        for value in (score.anthropomorphism, score.validation, score.refusal):
            assert 0 <= value <= 1
        assert 0 <= score.anthropomorphism_rate <= 1
        assert 0 <= score.validation_rate <= 1
        assert score.refusal_label in REFUSAL_LABELS
        assert 0 <= score.labels["praise"].rate <= 1
        assert 0 <= score.labels["praise"].presence <= 1
        assert set(score.labels) == set(LABEL_NAMES)
        for sentence in score.sentences:
            assert sentence.text == TURN.response[sentence.start : sentence.end]
            assert 0 <= sentence.probabilities["praise"] <= 1
            assert set(sentence.labels) <= set(LABEL_NAMES)

    @pytest.mark.parametrize(
        "value",
        [
            TURN,
            (TURN.prompt, TURN.response),
            [TURN.prompt, TURN.response],
            {"prompt": TURN.prompt, "response": TURN.response},
        ],
    )
    def test_every_form_of_a_turn_scores_alike(self, scorer, value):
        assert np.array_equal(_numbers(scorer.score(value)), _numbers(scorer.score(TURN)))

    def test_a_string_is_a_response_without_prompt(self, scorer):
        alone = scorer.score(Turn(response=TURN.response))
        assert np.array_equal(_numbers(scorer.score(TURN.response)), _numbers(alone))
        assert np.array_equal(_numbers(scorer.score(Turn(TURN.response, prompt=""))), _numbers(alone))

    def test_the_prompt_matters(self, scorer):
        assert not np.allclose(_numbers(scorer.score(TURN)), _numbers(scorer.score(TURN.response)), atol=1e-4)

    @pytest.mark.parametrize(
        "value",
        [None, 3, 2.5, b"bytes", ("a",), ("a", "b", "c"), (1, 2), {"prompt": "p"}, {"response": 3}, {1, 2}, Turn(3)],
    )
    def test_what_is_no_turn_is_refused(self, scorer, value):
        with pytest.raises(InputError):
            scorer.score(value)


class TestUnscored:
    """A missing measurement has a reason and is never a zero."""

    @pytest.mark.parametrize(
        ("response", "reason"),
        [
            ("", "empty"),
            (" ", "whitespace"),
            ("\n\t \u3000\u2028", "whitespace"),
            (None, "non_text"),
            ("---", "no_words"),
            ("***\n\n---\n", "no_words"),
            ("...", "no_words"),
            ("\u200b", "no_words"),
            ("\x00", "no_words"),
            ("```\n```", "no_words"),
        ],
    )
    def test_reasons(self, scorer, response, reason):
        score = scorer.score(Turn(prompt="Say something.", response=response))
        assert (score.status, score.reason) == ("unscored", reason)
        assert score.anthropomorphism is score.anthropomorphism_rate is None
        assert score.validation is score.validation_rate is None
        assert score.refusal is score.refusal_label is None
        assert score.labels == {}
        assert score.sentences == ()

    @pytest.mark.parametrize("response", ["42", "Yes.", "😀", "?!", "你好"])
    def test_short_answers_are_scored(self, scorer, response):
        score = scorer.score(response)
        assert score.status == "scored"
        assert [sentence.text for sentence in score.sentences] == [response]

    def test_they_keep_their_place_among_others(self, scorer):
        statuses = [score.status for score in scorer.score_many(["Hello.", "", " ", "Goodbye."])]
        assert statuses == ["scored", "unscored", "unscored", "scored"]


class TestLanguage:
    """Mostly non-English text is scored and flagged."""

    @pytest.mark.parametrize(
        "response",
        ["Ich bin sehr froh, dass du das sagst und mit mir sprichst.", "我很高兴能帮助你。", "Я очень рад за вас."],
    )
    def test_other_languages_are_scored_and_flagged(self, scorer, response):
        score = scorer.score(response)
        assert score.status == "scored"
        assert score.flags == ("unverified_language",)
        assert score.anthropomorphism is not None

    def test_english_is_not_flagged(self, scorer, example_turns):
        assert not [score.turn.response for score in scorer.score_many(example_turns) if score.flags]


class TestAnyText:
    """Odd text is scored like any other."""

    @given(st.text(max_size=120), st.one_of(st.none(), st.text(max_size=60)))
    @settings(max_examples=60)
    @example("\x00", "\x00")
    @example("a\x00b", None)
    @example("\ufeffI love you.", "\ufeff")
    @example("e\u0301\u0302 is a letter", None)
    def test_any_text_gets_a_score_or_a_reason(self, scorer, response, prompt):
        score = scorer.score(Turn(prompt=prompt, response=response))
        if score.status == "scored":
            numbers = _numbers(score)
            assert np.isfinite(numbers).all()
            assert ((numbers >= 0) & (numbers <= 1)).all()
            assert [s.text for s in score.sentences] == [response[s.start : s.end] for s in score.sentences]
        else:
            assert not any(character.isalpha() and character.isascii() for character in response)

    @pytest.mark.parametrize(
        ("prompt", "response"),
        [
            (None, "I am \ud83d so glad. Tell me more."),
            (None, "\udfff"),
            ("half an emoji \ud83d", "I love it."),
            ("\ud83d\ude00", "pairs \ud83d\ude00 too"),
        ],
    )
    def test_lone_surrogates_are_scored(self, scorer, prompt, response):
        score = scorer.score(Turn(prompt=prompt, response=response))
        assert score.turn.response == response
        if score.status == "scored":
            assert [s.text for s in score.sentences] == [response[s.start : s.end] for s in score.sentences]
        else:
            assert score.reason == "no_words"

    def test_a_nul_does_not_end_the_text(self, scorer):
        score = scorer.score("First sentence.\x00 Second sentence. Third one.")
        assert score.sentences[-1].text == "Third one."

    def test_a_very_long_word_is_scored(self, scorer):
        assert scorer.score("x" * 100_000).status == "scored"


class TestLongTurns:
    """Texts beyond one window use several."""

    def test_every_sentence_is_scored_in_order(self, scorer, manifest):
        sentences = [f"This is sentence number {i}, and I am happy about it." for i in range(300)]
        score = scorer.score(Turn(prompt="Tell me everything.", response="\n".join(sentences)))
        assert [sentence.text for sentence in score.sentences] == sentences
        assert len(sentences) * 10 > 5 * manifest.sizes.total

    def test_a_sentence_beyond_one_window_loses_no_word(self, scorer):
        response = "I love " + ", ".join(f"word{i}" for i in range(1500)) + ". Done."
        score = scorer.score(response)
        joined = "".join(sentence.text for sentence in score.sentences)
        assert "".join(joined.split()) == "".join(response.split())
        assert len(score.sentences) > 5
        assert score.sentences[-1].text.endswith("Done.")

    def test_what_stands_far_back_in_the_turn_counts(self, scorer):
        filler = "\n".join(f"Step {i}: stir the pot for {i} minutes." for i in range(200))
        ending = "I'm sorry, but I can't help with that."
        first, last = (scorer.score(f"{filler}\n{end}").sentences[-1] for end in ("Step 200: serve it.", ending))
        assert last.text == ending
        assert last.probabilities != first.probabilities


@pytest.fixture(scope="module", params=["int8", "exact"])
def alone(request, real_turns):
    """A scorer of one thread, and what it gives each turn by itself."""
    single = Scorer(device="cpu", precision=request.param, threads=1)
    return request.param, single, [single.score(turn) for turn in real_turns]


class TestInvariance:
    """The same text gives the same score, whatever stands around it and however many threads work."""

    def test_neighbours_and_threads(self, alone, real_turns):
        precision, _, expected = alone
        pool = Scorer(device="cpu", precision=precision, threads=2)
        _assert_same(expected, pool.score_many(real_turns))

    def test_order_and_more_threads_than_cores(self, alone, real_turns):
        precision, _, expected = alone
        order = np.random.default_rng(7).permutation(len(real_turns)).tolist()
        found = Scorer(device="cpu", precision=precision, threads=5).score_many([real_turns[i] for i in order])
        _assert_same([expected[i] for i in order], found)

    def test_the_turn_before(self, alone, real_turns):
        _, single, expected = alone
        picked = list(range(0, len(real_turns), 10))
        _assert_same([expected[i] for i in reversed(picked)], single.stream(real_turns[i] for i in reversed(picked)))

    def test_three_ways_to_ask(self, scorer, real_turns):
        turns = real_turns[:40]
        one_by_one = [scorer.score(turn) for turn in turns]
        many = scorer.score_many(turns)
        assert isinstance(many, Scores)
        _assert_same(one_by_one, many)
        _assert_same(one_by_one, scorer.stream(iter(turns)))

    def test_padded_batches_agree_with_single_windows(self, exact_scorer, real_turns, monkeypatch):
        # The way of a GPU, taken on the CPU: sorted by length, padded, and put back in order.
        turns = [*real_turns[:60], Turn(None), Turn(""), *real_turns[-3:]]
        expected = exact_scorer.score_many(turns)
        monkeypatch.setattr(exact_scorer._encoder, "batched", True)
        found = exact_scorer.score_many(turns)
        assert [score.reason for score in found] == [score.reason for score in expected]
        for first, second in zip(expected, found, strict=True):
            if first.status == "scored":
                np.testing.assert_allclose(_numbers(first), _numbers(second), atol=1e-4)


class TestStream:
    """Bounded, ordered, and leaving nothing behind."""

    def test_order_is_kept(self, scorer):
        # Alternating lengths, so that later turns finish first.
        turns = [Turn("I see. " * (200 if i % 4 == 0 else 1), id=str(i)) for i in range(40)]
        assert [score.id for score in scorer.stream(turns)] == [str(i) for i in range(40)]

    @pytest.mark.parametrize("threads", [1, 2])
    def test_input_is_read_only_a_little_ahead(self, threads):
        consumed = itertools.count()
        last = -1

        def turns():
            nonlocal last
            for last in consumed:
                yield f"Turn number {last}."

        stream = Scorer(device="cpu", threads=threads).stream(turns())
        assert last == -1
        ahead = []
        for position, _ in enumerate(itertools.islice(stream, 300)):
            ahead.append(last - position)
        stream.close()
        assert max(ahead) <= 512 * threads

    def test_an_error_in_the_input_reaches_the_caller(self, scorer):
        def turns():
            yield from ["One.", "Two."]
            raise RuntimeError("the source broke")

        with pytest.raises(RuntimeError, match="the source broke"):
            list(scorer.stream(turns()))
        assert scorer.score("Fine.").status == "scored"

    def test_a_bad_value_in_the_input_reaches_the_caller(self, scorer):
        with pytest.raises(InputError, match="cannot score a int"):
            scorer.score_many(["One.", 2, "Three."])

    def test_a_stream_left_early_does_no_harm(self, scorer, real_turns):
        expected = [scorer.score(turn) for turn in real_turns[:5]]
        stream = scorer.stream(itertools.cycle(real_turns))
        _assert_same(expected[:3], itertools.islice(stream, 3))
        stream.close()
        _assert_same(expected, scorer.score_many(real_turns[:5]))

    def test_streams_left_early_do_not_gather_threads(self):
        before = len(_workers())
        own = Scorer(device="cpu", threads=2)
        for _ in range(5):
            stream = own.stream(f"Turn {i}." for i in range(1000))
            assert next(stream).status == "scored"
            stream.close()
        assert len(_workers()) <= before + 2

    def test_a_process_ends_with_a_stream_left_open(self, python):
        code = (
            "import itertools; from anthrometrics import Scorer; "
            "stream = Scorer(device='cpu', threads=2).stream(itertools.repeat('I like it.')); "
            "print(next(stream).status)"
        )
        done = python("-c", code, timeout=300)
        assert (done.returncode, done.stdout.split(), done.stderr) == (0, [b"scored"], b"")

    def test_a_scorer_can_be_used_again_after_an_error(self, scorer):
        with pytest.raises(InputError):
            scorer.score_many([object()])
        assert scorer.score_many(["Fine."])[0].status == "scored"

    def test_any_iterable_will_do(self, scorer):
        assert len(scorer.score_many(iter(["One.", "Two."]))) == 2
        assert len(scorer.score_many({"One.": 1, "Two.": 2}.keys())) == 2
        assert len(scorer.score_many([])) == 0
        assert list(scorer.stream([])) == []

    @pytest.mark.parametrize("one", ["Hello there.", {"response": "Hello there."}, Turn("Hello there.")])
    def test_a_single_turn_is_not_taken_for_many(self, scorer, one):
        with pytest.raises(InputError, match="use score"):
            scorer.score_many(one)
        with pytest.raises(InputError, match="use score"):
            scorer.stream(one)


class TestMaking:
    """What a scorer is made with, and how it says no."""

    @pytest.mark.parametrize("threads", [0, -1])
    def test_threads_below_one_are_refused(self, threads):
        with pytest.raises(InputError, match=f"at least 1, not {threads}"):
            Scorer(threads=threads)

    @pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime has CUDA")
    def test_cuda_that_cannot_be_had_is_an_error_that_says_why(self):
        with pytest.raises(DeviceError, match=r"this onnxruntime has only .*onnxruntime-gpu"):
            Scorer(device="cuda")

    def test_unknown_names_are_refused(self):
        with pytest.raises(DeviceError, match="'gpu' is unknown"):
            Scorer(device="gpu")
        with pytest.raises(ModelError, match="precisions on offer"):
            Scorer(device="cpu", precision="int4")

    def test_a_model_elsewhere_gives_the_same_scores(self, scorer, manifest, tmp_path):
        copy = tmp_path / "model with space"
        shutil.copytree(manifest.path, copy)
        for path in (copy, str(copy)):
            assert np.array_equal(_numbers(Scorer(device="cpu", model=path).score(TURN)), _numbers(scorer.score(TURN)))

    def test_a_model_that_is_missing_or_not_whole_is_named(self, manifest, tmp_path):
        with pytest.raises(ModelError, match="not a model directory"):
            Scorer(model=tmp_path)
        for name in ("detectors.json", manifest.files["int8"]):
            shutil.copy(manifest.path / name, tmp_path)
        with pytest.raises(ModelError, match=r"tokenizer\.json is missing"):
            Scorer(device="cpu", model=tmp_path)

    def test_precision_changes_the_numbers_only_a_little(self, scorer, exact_scorer, example_turns):
        turns = example_turns[:20]
        quick, exact = scorer.score_many(turns), exact_scorer.score_many(turns)
        first = np.array([score.anthropomorphism_rate for score in quick])
        second = np.array([score.anthropomorphism_rate for score in exact])
        assert not np.array_equal(first, second)
        assert np.abs(first - second).mean() < 0.03

    def test_repr_tells_model_precision_and_device(self, exact_scorer, manifest):
        assert repr(exact_scorer) == f"<Scorer: {manifest.name}, exact on cpu>"


class TestProvenance:
    """Every result can tell where it comes from."""

    KEYS = ("package", "version", "model", "model_digest", "precision", "device", "provider", "onnxruntime", "machine")

    def test_every_result_carries_it(self, scorer):
        scores = scorer.score_many([TURN, ""])
        assert scores.provenance == scorer.provenance
        assert [score.provenance for score in scores] == [scorer.provenance] * 2
        assert scorer.score(TURN).provenance == scorer.provenance

    def test_it_names_everything_that_moves_a_number(self, scorer, manifest):
        found = scorer.provenance
        assert set(found) == {*self.KEYS, "cpu_features"}
        assert all(isinstance(found[key], str) and found[key] for key in self.KEYS)
        assert found["package"] == "anthrometrics"
        assert (found["model"], found["model_digest"]) == (manifest.name, manifest.digest)
        assert (found["precision"], found["device"], found["provider"]) == ("int8", "cpu", "CPUExecutionProvider")
        assert found["onnxruntime"] == onnxruntime.__version__

    def test_it_tells_precisions_apart(self, scorer, exact_scorer):
        differing = {key for key in scorer.provenance if scorer.provenance[key] != exact_scorer.provenance[key]}
        assert differing == {"precision"}

    def test_it_is_plain_json(self, scorer):
        assert json.loads(json.dumps(scorer.provenance)) == scorer.provenance
