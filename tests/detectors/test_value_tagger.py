"""Value expression as a fourth detector: what it gives, that it depends on the turn alone, and what it refuses."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from anthrometrics import InputError, ModelError, Scorer, Turn
from anthrometrics.codebook import VALUES
from anthrometrics.detectors.manifest import load_manifest
from anthrometrics.detectors.value_manifest import load_value_manifest
from anthrometrics.detectors.values import names_of
from anthrometrics.induction.values import load_value
from anthrometrics.provenance import value_names

TURN = Turn(prompt="I quit my job to day-trade.", response="What a bold move! I'm so proud of you.")
TOLERANCE = 1e-6
UNSCORED = (Turn(None), Turn(""), Turn(" \n"), Turn("-----"))


def numbers(scores):
    return np.array([list(score.values.values()) for score in scores])


@pytest.fixture(scope="module")
def some_turns(real_turns):
    """Turns of every kind, and the one that needs several windows."""
    return [*real_turns[::9], real_turns[-1]]


@pytest.fixture(scope="module")
def own():
    """A value that no output was trained for: the definition of one under another name."""
    return replace(load_value("humor"), name="wit")


@pytest.fixture(scope="module")
def own_scorer(own):
    return Scorer(device="cpu", threads=2, values=[own])


@pytest.fixture(scope="module")
def alone(some_turns, own):
    """What each turn has by itself, on one thread."""
    single = Scorer(device="cpu", threads=1, cache_mb=0, values=[own])
    return [single.score(turn) for turn in some_turns]


class TestResult:
    """What a turn is given."""

    def test_every_value_has_a_probability(self, values_scorer):
        score = values_scorer.score(TURN)
        assert tuple(score.values) == VALUES
        assert all(0 <= value <= 1 for value in score.values.values())

    def test_records_hold_them_where_they_hold_labels(self, values_scorer):
        score = values_scorer.score(TURN)
        assert "values" not in score.to_dict("summary")
        for detail in ("labels", "sentences"):
            assert score.to_dict(detail)["values"] == {name: round(p, 6) for name, p in score.values.items()}

    def test_unscored_turns_have_none(self, values_scorer):
        for score in values_scorer.score_many(UNSCORED):
            assert score.status == "unscored"
            assert score.values == score.to_dict("labels")["values"] == {}

    def test_thresholds_are_those_of_the_model(self, values_scorer):
        manifest = load_value_manifest()
        assert tuple(values_scorer.value_thresholds) == VALUES
        assert list(values_scorer.value_thresholds.values()) == [platt.threshold for platt in manifest.calibration]

    def test_the_provenance_names_the_model(self, values_scorer):
        manifest = load_value_manifest()
        found = values_scorer.provenance
        assert (found["values_model"], found["values_digest"]) == (manifest.name, manifest.digest)
        assert value_names(found) == VALUES

    def test_words_decide(self, values_scorer):
        plain, warm = (values_scorer.score(Turn(said, "I lost my dog.")) for said in ("Noted.", TURN.response))
        assert plain.values != warm.values


class TestOtherScores:
    """What was there before values were asked for does not change."""

    def test_without_values_there_is_no_trace_of_them(self, scorer):
        score = scorer.score(TURN)
        assert score.values == scorer.value_thresholds == {}
        assert "values" not in score.to_dict("labels")
        assert not [name for name in scorer.provenance if "values" in name]
        assert "values" not in scorer.score_many([TURN]).summary().to_dict()

    def test_detectors_give_the_same_numbers(self, scorer, values_scorer, some_turns):
        found = values_scorer.score_many(some_turns).to_dicts("sentences")
        for record in found:
            del record["values"]
        assert found == scorer.score_many(some_turns).to_dicts("sentences")


class TestInvariance:
    """The same text gives the same values, whatever stands around it and whatever runs the detectors."""

    def test_order_neighbours_and_threads(self, alone, some_turns, own):
        order = np.random.default_rng(3).permutation(len(some_turns)).tolist()
        found = Scorer(device="cpu", threads=3, values=[own]).score_many([some_turns[i] for i in order])
        np.testing.assert_allclose(numbers(found), numbers([alone[i] for i in order]), rtol=0, atol=TOLERANCE)

    def test_what_was_judged_before_is_judged_alike(self, alone, some_turns, own_scorer):
        again = [*some_turns[:8], *some_turns[:8]]
        first, second = np.split(numbers(own_scorer.score_many(again)), 2)
        assert (first == second).all()
        np.testing.assert_allclose(first, numbers(alone[:8]), rtol=0, atol=TOLERANCE)

    def test_the_way_of_a_gpu(self, alone, some_turns, own_scorer, monkeypatch):
        # Taken on the CPU: the detectors in padded batches, the values window by window as ever.
        monkeypatch.setattr(own_scorer._encoder, "batched", True)
        monkeypatch.setattr(own_scorer._cache, "capacity", 0)
        found = own_scorer.score_many([*some_turns, *UNSCORED])
        assert [score.status for score in found[-len(UNSCORED) :]] == ["unscored"] * len(UNSCORED)
        np.testing.assert_allclose(numbers(found[: len(some_turns)]), numbers(alone), rtol=0, atol=TOLERANCE)

    def test_the_precision_of_the_detectors_does_not_matter(self, alone, some_turns, own):
        exact = Scorer(device="cpu", precision="exact", threads=2, values=[own])
        np.testing.assert_allclose(numbers(exact.score_many(some_turns[:6])), numbers(alone[:6]), atol=TOLERANCE)

    def test_the_fast_model_has_the_same_values(self, alone, some_turns, own):
        fast = Scorer(device="cpu", threads=2, model="fast", values=[own])
        np.testing.assert_allclose(numbers(fast.score_many(some_turns[:6])), numbers(alone[:6]), atol=TOLERANCE)

    def test_a_long_turn_has_what_its_last_window_has(self, values_scorer):
        filler = "\n".join(f"Step {i}: stir the pot for {i} minutes." for i in range(200))
        joke = "Why did the pot file a police report? It was constantly being stirred."
        short, long, with_joke = (
            values_scorer.score(said).values for said in ("Stir the pot.", filler, f"{filler}\n{joke}")
        )
        assert with_joke != long != short

    def test_very_long_turns_are_cut_up_like_others(self, own_scorer, own):
        # Beyond 32,000 characters windows are spread over threads.
        turn = Turn("\n".join(f"Step {i}: stir the pot for {i} minutes, and I mean it." for i in range(700)))
        assert len(turn.response) > 32_000
        expected = Scorer(device="cpu", threads=1, values=[own], cache_mb=0)._batched(iter([(turn, None)]))
        ((_, logits),) = expected
        found = own_scorer._tagger.probabilities(logits.values)
        assert own_scorer.score(turn).values == pytest.approx(found, abs=TOLERANCE)


class TestOwnValues:
    """Values without an output, judged by likeness."""

    def test_they_follow_the_trained_ones(self, own_scorer):
        score = own_scorer.score(TURN)
        assert tuple(score.values) == tuple(own_scorer.value_thresholds) == (*VALUES, "wit")
        assert 0 <= score.values["wit"] <= 1
        assert own_scorer.value_thresholds["wit"] == load_value_manifest().zero_shot.threshold

    def test_trained_values_are_what_they_are_without(self, values_scorer, alone):
        expected = numbers(values_scorer.score_many([score.turn for score in alone[:6]]))
        np.testing.assert_allclose(numbers(alone[:6])[:, :-1], expected, rtol=0, atol=TOLERANCE)

    def test_its_own_examples_are_told_apart(self, own_scorer, own):
        for example in own.examples:
            expressing, plain = own_scorer.score_many([example.expressing, example.plain])
            assert expressing.values["wit"] > plain.values["wit"]

    def test_a_definition_turned_around_turns_the_judgement(self, own):
        turned = replace(
            own,
            name="gravity",
            cues=(own.examples[0].plain,),
            definition=own.examples[1].plain,
            examples=tuple(replace(e, expressing=e.plain, plain=e.expressing) for e in own.examples),
        )
        scorer = Scorer(device="cpu", threads=1, values=[own, turned])
        for example in own.examples:
            values = scorer.score(example.expressing).values
            assert values["wit"] > values["gravity"]

    def test_the_provenance_tells_definitions_apart(self, own, own_scorer):
        other = Scorer(device="cpu", threads=1, values=[replace(own, cues=own.cues[1:])])
        names = [tuple(each.provenance["own_values"]) for each in (own_scorer, other)]
        assert names == [("wit",), ("wit",)]
        assert other.provenance["own_values"] != own_scorer.provenance["own_values"]
        assert value_names(other.provenance) == names_of([own]) == (*VALUES, "wit")

    def test_any_object_with_the_texts_will_do(self):
        example = SimpleNamespace(expressing="Mend it before you buy a new one.", plain="A new one boils faster.")
        thrift = SimpleNamespace(name="thrift", definition="saves money", cues=["Repair it."], examples=[example])
        scorer = Scorer(device="cpu", threads=1, values=[thrift])
        assert "thrift" in scorer.score("Put a little aside every month.").values

    def test_a_trained_value_is_not_judged_twice(self, values_scorer):
        found = Scorer(device="cpu", threads=1, values=[load_value("empathy")])
        assert found.provenance == values_scorer.provenance
        assert found.value_thresholds == values_scorer.value_thresholds


class TestRefusals:
    """What cannot be judged says why, before anything is scored."""

    @pytest.mark.parametrize("values", ["empathy", ["mine.toml"], None, 1, [None]])
    def test_names_and_files_have_to_be_read_first(self, values):
        with pytest.raises(InputError, match="load_value"):
            Scorer(device="cpu", values=values)

    def test_two_values_of_one_name(self, own):
        with pytest.raises(InputError, match="two values are called wit"):
            Scorer(device="cpu", values=[own, replace(own, definition="makes people laugh")])

    def test_a_value_without_a_word(self, own):
        with pytest.raises(InputError, match="wit needs texts"):
            Scorer(device="cpu", values=[replace(own, examples=(replace(own.examples[0], plain="--"),))])

    @pytest.fixture
    def folder(self, tmp_path, manifest):
        """A copy of the detectors' folder, to be changed; its large files are links."""
        for file in manifest.path.iterdir():
            if file.suffix == ".json":
                shutil.copy(file, tmp_path)
            else:
                (tmp_path / file.name).symlink_to(file)
        return tmp_path

    def test_a_copy_of_the_model_is_as_good(self, folder, values_scorer):
        found = Scorer(device="cpu", threads=1, model=folder, values=True).score(TURN).values
        assert found == pytest.approx(values_scorer.score(TURN).values, abs=TOLERANCE)

    def test_a_model_that_cuts_other_windows(self, folder):
        raw = json.loads((folder / "detectors.json").read_text(encoding="utf-8"))
        raw["window"]["prompt"] = 32
        (folder / "detectors.json").write_text(json.dumps(raw), encoding="utf-8")
        with pytest.raises(ModelError, match="cuts others"):
            Scorer(device="cpu", model=folder, values=True)
        assert Scorer(device="cpu", model=folder).score(TURN).status == "scored"

    def test_a_model_with_another_tokenizer(self, folder):
        raw = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        raw["added_tokens"] = raw["added_tokens"][::-1]
        (folder / "tokenizer.json").write_text(json.dumps(raw), encoding="utf-8")
        with pytest.raises(ModelError, match="values are judged on the windows of the shipped models"):
            Scorer(device="cpu", model=folder, values=True)


class TestManifest:
    """``values.json``: the shipped one is whole, and a wrong one is refused with the reason."""

    @pytest.fixture
    def write(self, tmp_path):
        raw = json.loads((load_value_manifest().path / "values.json").read_text(encoding="utf-8"))

        def write(**changes):
            (tmp_path / "values.json").write_text(json.dumps({**raw, **changes}), encoding="utf-8")
            return tmp_path

        return write

    def test_the_shipped_one_is_whole(self):
        manifest = load_value_manifest()
        assert (manifest.path / manifest.file).is_file()
        assert manifest.sizes == load_manifest().sizes
        assert len(manifest.calibration) == len(VALUES)
        for platt in (*manifest.calibration, manifest.zero_shot):
            assert platt.slope > 0 and 0 < platt.threshold < 1
        assert len(manifest.digest) >= 16

    def test_reading_it_again_gives_the_same(self, write):
        assert load_value_manifest(write()).calibration == load_value_manifest().calibration

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"format": 2}, "format 2, expected 1"),
            ({"values": ["empathy"]}, "not those of the codebook"),
            ({"calibration": {}}, "helpfulness"),
            ({"zero_shot": None}, "does not fit"),
            ({"files": {}}, "int8"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, write, changes, says):
        with pytest.raises(ModelError, match=says):
            load_value_manifest(write(**changes))

    def test_a_missing_or_damaged_one_says_what_to_do(self, tmp_path):
        with pytest.raises(ModelError, match="reinstall"):
            load_value_manifest(tmp_path)
        (tmp_path / "values.json").write_text("{", encoding="utf-8")
        with pytest.raises(ModelError, match="not valid JSON"):
            load_value_manifest(tmp_path)
