"""What a detector has to beat: keyword rules, TF-IDF and frozen MiniLM with logistic regression.

All learn from the same training turns, take thresholds from the same calibration turns and meet the same test. They see
a sentence by itself; the turn-level ones see the response.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from anthrometrics.codebook import DETECTORS, LABEL_NAMES, SENTENCE_OUTPUTS
from training.corpus import Corpus
from training.data import TrainingTurn
from training.evaluate import RefusalResults, SentenceResults, group_index, level_results, refusal_figures
from training.metrics import best_threshold
from training.model import trunk_dir
from training.rules import KEYWORDS

Featurise = Callable[[list[str]], Any]

# Embedding everything with frozen MiniLM would take longer than training the detectors; it learns from a sample.
MINILM_SENTENCES, MINILM_TURNS = 20_000, 4_000


def _sample(total: int, size: int) -> NDArray[np.int64]:
    """Indices of a fixed random sample, in order."""
    return np.sort(np.random.default_rng(0).choice(total, min(size, total), replace=False))


def sentences_of(turns: list[TrainingTurn]) -> tuple[list[str], NDArray[np.bool_], NDArray[np.int64]]:
    """Labelled sentences of turns: texts, truth ``(sentences, outputs)`` and prompt groups."""
    texts = [text for t in turns for text, known in zip(t.texts(), t.known, strict=True) if known]
    truth = np.concatenate([t.targets[t.known] for t in turns]) > 0.5
    return texts, truth, np.repeat(group_index(turns), [int(t.known.sum()) for t in turns])


def rule_probabilities(texts: list[str]) -> NDArray[np.float64]:
    """1 where the keyword pattern of a label matches, 0 elsewhere."""
    columns = {name: np.array([bool(KEYWORDS[name].search(text)) for text in texts]) for name in LABEL_NAMES}
    for detector, members in DETECTORS.items():
        columns[detector] = np.any([columns[m] for m in members], axis=0)
    return np.stack([columns[name] for name in SENTENCE_OUTPUTS], axis=1).astype(np.float64)


def featurisers(train_texts: list[str]) -> dict[str, Featurise]:
    """Text features of the two learnt baselines."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit(train_texts)
    encoder = SentenceTransformer(str(trunk_dir()), device="cpu")
    # A sentence is shorter; of a long response the beginning tells a refusal.
    encoder.max_seq_length = 128
    return {
        "tfidf": vectorizer.transform,
        "minilm": lambda texts: encoder.encode(texts, batch_size=32, show_progress_bar=False),
    }


def sentence_baselines(corpus: Corpus) -> dict[str, SentenceResults]:
    """Sentence-level figures of the three baselines on the test split."""
    texts, truth, _ = sentences_of(corpus.train)
    tune_texts, tune_truth, _ = sentences_of(corpus.calibration)
    test_texts, test_truth, groups = sentences_of(corpus.test)
    half = np.full(len(SENTENCE_OUTPUTS), 0.5)
    results = {"rules": level_results(test_truth, rule_probabilities(test_texts), half, groups)}
    for name, featurise in featurisers(texts).items():
        chosen = _sample(len(texts), MINILM_SENTENCES if name == "minilm" else len(texts))
        x, x_tune, x_test = featurise([texts[i] for i in chosen]), featurise(tune_texts), featurise(test_texts)
        probability, thresholds = np.zeros(test_truth.shape), half.copy()
        for column in range(truth.shape[1]):
            model = LogisticRegression(C=5.0, max_iter=500).fit(x, truth[chosen, column])
            thresholds[column] = best_threshold(tune_truth[:, column], model.predict_proba(x_tune)[:, 1])
            probability[:, column] = model.predict_proba(x_test)[:, 1]
        results[name] = level_results(test_truth, probability, thresholds, groups)
    return results


def refusal_baselines(corpus: Corpus, test: list[TrainingTurn]) -> dict[str, RefusalResults]:
    """Turn-level refusal figures of the three baselines on one set."""
    train = [t for t in [*corpus.train, *corpus.train_refusal] if t.refusal >= 0]
    texts, truth = [t.turn.response for t in train], np.array([t.refusal for t in train])
    test_texts, test_truth = [t.turn.response for t in test], np.array([t.refusal for t in test])
    matched = np.array([bool(KEYWORDS["refusal"].search(text)) for text in test_texts])
    results = {
        "rules": refusal_figures(test_truth, np.where(matched, 0, 2), matched.astype(np.float64), group_index(test))
    }
    for name, featurise in featurisers(texts).items():
        chosen = _sample(len(texts), MINILM_TURNS if name == "minilm" else len(texts))
        model = LogisticRegression(C=5.0, max_iter=1000).fit(
            featurise([texts[i] for i in chosen]), truth[chosen], sample_weight=[train[i].weight for i in chosen]
        )
        probability = model.predict_proba(featurise(test_texts))
        results[name] = refusal_figures(test_truth, probability.argmax(1), probability[:, :2].sum(1), group_index(test))
    return results
