"""The detector judged by labels: figures, their intervals, calibration, the best threshold, and the file it goes to."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
)

from anthrometrics import InputError
from anthrometrics.comparison.labels import labelled_sample
from anthrometrics.comparison.sampling import draw
from anthrometrics.comparison.thresholds import read_thresholds, write_thresholds
from anthrometrics.comparison.validation import FIGURES, refusal_confusion, validate


def turns(rng, count, share=0.3, sharpness=0.3, shift=0.0):
    chances = np.clip(rng.beta(sharpness * share, sharpness * (1 - share), count), 1e-9, 1 - 1e-9)
    labels = (rng.random(count) < chances).astype(float)
    return 1 / (1 + np.exp(-(np.log(chances / (1 - chances)) + shift))), labels


def whole(scores, labels, clusters=None):
    """All turns labelled."""
    count = len(scores)
    clusters = np.arange(count) if clusters is None else clusters
    return labelled_sample(np.asarray(scores), clusters, np.arange(count), np.asarray(labels, dtype=float))


def by_strata(rng, size=200, seed=0, **options):
    scores, labels = turns(rng, 800, **options)
    found = draw(scores, size, 5, seed)
    return labelled_sample(
        scores, np.arange(800), found.rows, labels[found.rows], found.strata, found.sizes.astype(float)
    )


@pytest.fixture(scope="module")
def sample():
    return by_strata(np.random.default_rng(0))


@pytest.fixture(scope="module")
def found(sample):
    return validate(sample, 0.4)


def test_figures_are_those_of_scikit_learn_with_weights(sample, found):
    truth, weights = sample.labels, sample.weights
    flagged = sample.scores[sample.rows] >= 0.4
    expected = {
        "accuracy": accuracy_score(truth, flagged, sample_weight=weights),
        "precision": precision_score(truth, flagged, sample_weight=weights),
        "recall": recall_score(truth, flagged, sample_weight=weights),
        "specificity": recall_score(1 - truth, ~flagged, sample_weight=weights),
        "f1": f1_score(truth, flagged, sample_weight=weights),
        "kappa": cohen_kappa_score(truth, flagged, sample_weight=weights),
    }
    assert {name: figure.value for name, figure in found.figures.items()} == pytest.approx(expected)
    assert found.brier.value == pytest.approx(
        brier_score_loss(truth, sample.scores[sample.rows], sample_weight=weights)
    )
    tn, fp, fn, tp = confusion_matrix(truth, flagged).ravel()
    cells = found.confusion
    assert (cells.tp, cells.fp, cells.fn, cells.tn) == (tp, fp, fn, tn)
    assert (found.labels, found.positives) == (200, truth.sum())


def test_calibration_error_is_the_mean_gap_of_ten_bins():
    scores = np.array([0.05, 0.05, 0.05, 0.05, 0.95, 0.95])
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert validate(whole(scores, labels), 0.5).ece.value == pytest.approx(4 / 6 * (0.25 - 0.05) + 2 / 6 * 0.05)


def test_a_score_of_one_is_in_the_last_bin():
    assert validate(whole([1.0, 1.0, 0.0], [1, 1, 0]), 0.5).ece.value == 0


def test_weights_matter():
    """Turns that the detector wavers on were drawn more often, so unweighted labels make it look worse than it is."""
    sample = by_strata(np.random.default_rng(1), share=0.1)
    unweighted = whole(sample.scores[sample.rows], sample.labels)
    assert validate(sample, 0.4).figures["accuracy"].value > 0.01 + validate(unweighted, 0.4).figures["accuracy"].value


def test_intervals_hold_their_value(found):
    for figure in (*found.figures.values(), found.brier, found.ece, found.best.cross_fitted):
        assert figure.low <= figure.value <= figure.high
        assert figure.high - figure.low > 0.005


def test_no_error_seen_is_not_no_error():
    perfect = validate(whole([0.9] * 10 + [0.1] * 10, [1] * 10 + [0] * 10), 0.5)
    for name in FIGURES:
        figure = perfect.figures[name]
        assert figure.value == figure.high == 1
        assert 0.5 < figure.low < 0.97, name


def test_more_labels_make_shorter_intervals():
    rng = np.random.default_rng(2)
    scores, labels = turns(rng, 1600)
    few, many = validate(whole(scores[:100], labels[:100]), 0.4), validate(whole(scores, labels), 0.4)
    for name in FIGURES:
        a, b = few.figures[name], many.figures[name]
        assert b.high - b.low < 0.6 * (a.high - a.low), name


def test_labels_of_one_prompt_widen_the_intervals():
    rng = np.random.default_rng(3)
    scores, labels = turns(rng, 60, sharpness=2.0)
    scores, labels = np.repeat(scores, 8), np.repeat(labels, 8)
    apart = validate(whole(scores, labels), 0.4).figures["f1"]
    together = validate(whole(scores, labels, np.repeat(np.arange(60), 8)), 0.4).figures["f1"]
    assert together.value == apart.value
    assert together.high - together.low > 1.8 * (apart.high - apart.low)


def test_what_is_not_defined_is_unknown():
    none_labelled = validate(whole([0.9, 0.2, 0.1], [0, 0, 0]), 0.5)
    assert none_labelled.figures["recall"].to_dict() == {"value": None, "low": None, "high": None}
    assert none_labelled.figures["accuracy"].value == pytest.approx(2 / 3)
    assert none_labelled.best is None
    none_flagged = validate(whole([0.3, 0.2, 0.1], [1, 0, 0]), 0.5)
    assert none_flagged.figures["precision"].value is None
    assert none_flagged.figures["recall"].value == 0


def test_exact_scores_have_no_calibration_error_beyond_chance():
    covers = 0
    for seed in range(20):
        result = validate(by_strata(np.random.default_rng(seed), seed=seed), 0.4, resamples=300)
        assert 0 < result.ece_by_chance < 0.08
        covers += result.ece.low == 0
    assert covers >= 17


def test_wrong_scores_have_a_calibration_error_beyond_chance():
    result = validate(by_strata(np.random.default_rng(5), sharpness=2.0, shift=1.5), 0.4)
    assert result.ece.low > 0.05
    assert result.ece.value > 2 * result.ece_by_chance


def test_the_best_threshold_is_the_best(sample, found):
    scores, weights = sample.scores[sample.rows], sample.weights
    every = [f1_score(sample.labels, scores >= t, sample_weight=weights) for t in np.unique(scores)]
    assert found.best.f1 == pytest.approx(max(every))
    flagged = scores >= found.best.threshold
    assert f1_score(sample.labels, flagged, sample_weight=weights) == pytest.approx(max(every))
    assert found.best.threshold not in scores


def test_a_threshold_judged_by_its_own_labels_is_flattered():
    """Scores that say nothing: in-sample F1 must not be taken for the truth."""
    gaps = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        result = validate(whole(rng.random(60), rng.random(60) < 0.3), 0.5, resamples=100)
        gaps.append(result.best.f1 - result.best.cross_fitted.value)
    assert min(gaps) > -1e-9
    assert np.mean(gaps) > 0.02


def test_prompts_are_not_split_between_folds():
    """Each prompt twice, alike: were its copies split, each would be judged by a threshold fitted to the other."""
    rng = np.random.default_rng(6)
    scores, labels = np.repeat(rng.random(40), 2), np.repeat(rng.random(40) < 0.3, 2)
    whole_prompts = validate(whole(scores, labels, np.repeat(np.arange(40), 2)), 0.5, resamples=100)
    alone = validate(whole(scores[::2], labels[::2]), 0.5, resamples=100)
    assert whole_prompts.best.cross_fitted.value == pytest.approx(alone.best.cross_fitted.value)


def test_effective_counts_say_what_the_labels_say():
    scores, labels = turns(np.random.default_rng(7), 300)
    equal = validate(whole(scores, labels), 0.4).best.confusion
    assert equal.tp + equal.fn == pytest.approx(labels.sum())
    assert equal.fp + equal.tn == pytest.approx((1 - labels).sum())
    weighted = by_strata(np.random.default_rng(7), share=0.1)
    cells = validate(weighted, 0.4).best.confusion
    assert cells.fp + cells.tn < (weighted.labels == 0).sum(), "unequal weights say less than as many equal ones"


def test_a_seed_gives_the_same_again(sample, found):
    assert validate(sample, 0.4) == found
    other = validate(sample, 0.4, seed=1)
    assert other.figures["f1"].value == found.figures["f1"].value
    assert other.figures["f1"] != found.figures["f1"]


def test_a_level_out_of_range_is_refused(sample):
    with pytest.raises(InputError, match="between 0 and 1"):
        validate(sample, 0.4, level=95)


def test_intervals_cover_what_they_should():
    """200 simulations of 200 labels; each figure is allowed what 200 can tell."""
    rng = np.random.default_rng(8)
    scores, labels = turns(rng, 1_000_000)
    flagged = scores >= 0.45
    true = {
        "accuracy": accuracy_score(labels, flagged),
        "precision": precision_score(labels, flagged),
        "recall": recall_score(labels, flagged),
        "f1": f1_score(labels, flagged),
        "brier": np.mean((labels - scores) ** 2),
    }
    hits = dict.fromkeys(true, 0)
    for seed in range(200):
        result = validate(by_strata(rng, seed=seed), 0.45, resamples=300)
        for name, value in true.items():
            figure = result.brier if name == "brier" else result.figures[name]
            hits[name] += figure.low <= value <= figure.high
    assert all(0.88 <= count / 200 <= 0.99 for count in hits.values()), hits
    assert 0.92 <= sum(hits.values()) / 1000 <= 0.975, hits


@given(
    cells=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=25),
    threshold=st.floats(0, 1),
    seed=st.integers(0, 9),
)
def test_whatever_comes_in_the_numbers_make_sense(cells, threshold, seed):
    scores, labels = np.array([s for s, _ in cells]), np.array([float(y) for _, y in cells])
    result = validate(whole(scores, labels), threshold, resamples=100, seed=seed)
    for name, figure in (*result.figures.items(), ("brier", result.brier), ("ece", result.ece)):
        if figure.value is not None:
            assert (-1 if name == "kappa" else 0) <= figure.low <= figure.value <= figure.high <= 1 + 1e-9, name
    assert result.confusion.tp + result.confusion.fn == labels.sum()
    assert (result.best is None) == (labels.min() == labels.max())
    if result.best is not None:
        assert 0 <= result.best.threshold <= 1
    json.dumps(result.to_dict(), allow_nan=False)


def test_refusals_are_counted_by_kind():
    answers = ("full_refusal", "partial_refusal", "compliance", "compliance", "full_refusal")
    predicted = ("full_refusal", "full_refusal", "compliance", "partial_refusal", "full_refusal")
    assert refusal_confusion(answers, predicted) == [[2, 0, 0], [1, 0, 0], [0, 1, 1]]
    assert refusal_confusion(("1", "0"), ("full_refusal", "compliance")) is None


def test_thresholds_of_several_measures_share_a_file(found, tmp_path):
    path = tmp_path / "thresholds.json"
    write_thresholds(path, "validation", found, "abc")
    write_thresholds(path, "label.praise", found, "abc")
    first = path.read_bytes()
    write_thresholds(path, "validation", found, "abc")
    assert path.read_bytes() == first, "nothing in it depends on when it was written"
    assert read_thresholds(path) == {"validation": found.best.threshold, "label.praise": found.best.threshold}
    entry = json.loads(first)["thresholds"]["validation"]
    assert (entry["labels"], entry["positives"], entry["model_digest"]) == (200, found.positives, "abc")
    assert entry["f1_cross_fitted"] == found.best.cross_fitted.to_dict()


def test_thresholds_of_another_model_are_not_mixed_in(found, tmp_path):
    path = tmp_path / "thresholds.json"
    write_thresholds(path, "validation", found, "abc")
    with pytest.raises(InputError, match="threshold of validation for another model"):
        write_thresholds(path, "refusal", found, "def")
    assert list(read_thresholds(path)) == ["validation"]


def test_labels_that_are_all_alike_choose_no_threshold(tmp_path):
    with pytest.raises(InputError, match="all alike"):
        write_thresholds(tmp_path / "t.json", "validation", validate(whole([0.9, 0.2], [0, 0]), 0.5), None)
    assert not (tmp_path / "t.json").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "holds no thresholds"),
        ('{"kind": "comparison", "schema": 1}', "holds no thresholds"),
        ('{"kind": "thresholds", "schema": 2, "thresholds": {}}', "holds no thresholds"),
        ('{"kind": "thresholds", "schema": 1, "thresholds": {"validation": 0.5}}', "holds no thresholds"),
        ('{"kind": "thresholds", "schema": 1, "thresholds": {"charm": {"threshold": 0.5}}}', "charm is no measure"),
        ('{"kind": "thresholds", "schema": 1, "thresholds": {"refusal": {"threshold": 5}}}', "between 0 and 1"),
        ('{"kind": "thresholds", "schema": 1, "thresholds": {"refusal": {"threshold": null}}}', "holds no thresholds"),
    ],
)
def test_a_file_of_something_else_is_neither_read_nor_written_over(found, tmp_path, content, says):
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(InputError, match=says):
        read_thresholds(path)
    with pytest.raises(InputError, match=says):
        write_thresholds(path, "validation", found, None)
    assert path.read_text() == content


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        read_thresholds(tmp_path / "nowhere.json")
