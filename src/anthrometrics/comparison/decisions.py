"""From probabilities to yes and no: what appeared, what vanished, and shares corrected for the detector's errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anthrometrics.codebook import DETECTORS, LABEL_NAMES, SENTENCE_OUTPUTS, TURN_DETECTORS, VALUES
from anthrometrics.comparison.measures import VALUE
from anthrometrics.comparison.prevalence import paired_prevalence, prevalence
from anthrometrics.comparison.significance import mcnemar, sign_flip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from anthrometrics.comparison.pairing import Pairing
    from anthrometrics.comparison.result import Options
    from anthrometrics.comparison.table import ScoreTable
    from anthrometrics.detectors.manifest import Confusion, Manifest
    from anthrometrics.detectors.value_manifest import ValueManifest

__all__ = [
    "Decisions",
    "Flip",
    "decisions_of",
    "manifest_of",
    "presence_thresholds",
    "sentence_thresholds",
    "value_manifest_of",
    "value_threshold",
]

_NAMES: Final = (*TURN_DETECTORS, *(f"label.{name}" for name in LABEL_NAMES))
# Where nothing is known of the model that scored.
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Flip:
    """One behaviour by threshold.

    Attributes:
        name: Key of the measure.
        threshold: Presence from which a turn counts as having it; of refusal None, where the two thresholds of the
            turn's label decide.
        base_share: Share of the base turns that have it.
        tuned_share: Share of the tuned turns.
        appeared: Pairs that have it only after.
        vanished: Pairs that have it only before.
        p: Exact McNemar test; the sign-flip test by prompt where several pairs share one. NaN unpaired.
    """

    name: str
    threshold: float | None
    base_share: float
    tuned_share: float
    appeared: int
    vanished: int
    p: float


@dataclass(frozen=True)
class Decisions:
    """All of them.

    Attributes:
        flips: By behaviour.
        prevalence: ``name`` with ``base``, ``tuned`` and ``difference``, each as ``Prevalence.to_dict``.
        sentence_thresholds: Probability from which a sentence has a label; empty if the model is not known.
    """

    flips: tuple[Flip, ...]
    prevalence: tuple[dict[str, Any], ...]
    sentence_thresholds: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "flips": [{name: getattr(flip, name) for name in flip.__slots__} for flip in self.flips],
            "prevalence": list(self.prevalence),
        }


def decisions_of(
    base: ScoreTable,
    tuned: ScoreTable,
    pairing: Pairing,
    options: Options,
    thresholds: Mapping[str, float] | None = None,
) -> Decisions:
    """Threshold both sets.

    Args:
        base: The set before.
        tuned: The set after.
        pairing: Their pairs.
        options: Level, resamples and seed.
        thresholds: Presence thresholds by key; they replace the model's, and with it what is known of its errors.
    """
    manifest = manifest_of(base.provenance.get("model_digest"))
    tagger = value_manifest_of(base.provenance.get("values_digest"))
    values = [m.name for m in base.measures if m.level == "value" and m in tuned.measures]
    names = (*_NAMES, *(f"{VALUE}{name}" for name in values))
    cut = presence_thresholds(manifest) | {f"{VALUE}{name}": value_threshold(tagger, name) for name in values}
    cut |= thresholds or {}
    before, after = (
        _positive(table, rows, cut, names) for table, rows in ((base, pairing.base), (tuned, pairing.tuned))
    )
    held = [i for i in range(len(names)) if not (np.isnan(before[:, i]).all() or np.isnan(after[:, i]).all())]
    flips = tuple(_flip(names[i], cut.get(names[i]), before[:, i], after[:, i], pairing, options) for i in held)
    confusions = _confusions(manifest, thresholds or {}) | _value_confusions(tagger, values, thresholds or {})
    corrected = [i for i in held if names[i] in confusions]
    errors = [confusions[names[i]] for i in corrected]
    shares = _prevalence(before[:, corrected], after[:, corrected], errors, pairing, options)
    rows = tuple({"name": names[i], **share} for i, share in zip(corrected, shares, strict=True))
    return Decisions(flips, rows, sentence_thresholds(manifest))


def sentence_thresholds(manifest: Manifest | None) -> dict[str, float]:
    """Label → probability from which a sentence has it; empty if the model is not known."""
    if manifest is None:
        return {}
    pairs = zip(SENTENCE_OUTPUTS, manifest.sentence, strict=True)
    return {name: platt.threshold for name, platt in pairs if name in LABEL_NAMES}


def manifest_of(digest: object) -> Manifest | None:
    """The manifest of the shipped model with this digest, if one has it."""
    from anthrometrics.detectors.manifest import SHIPPED, load_manifest, model_dir

    found = (load_manifest(model_dir(name)) for name in SHIPPED if model_dir(name).is_dir())
    return next((manifest for manifest in found if manifest.digest == digest), None)


def presence_thresholds(manifest: Manifest | None) -> dict[str, float]:
    """Presence from which a turn counts as having a behaviour, by key; without refusal, whose label decides."""
    keys = {name: name if name in DETECTORS else f"label.{name}" for name in SENTENCE_OUTPUTS}
    if manifest is None:
        return dict.fromkeys(keys.values(), _HALF)
    return {keys[n]: platt.threshold for n, platt in zip(SENTENCE_OUTPUTS, manifest.presence, strict=True)}


def _confusions(manifest: Manifest | None, replaced: Mapping[str, float]) -> dict[str, Confusion | None]:
    """What is known of the detectors' errors, at the thresholds that the model came with."""
    if manifest is None:
        return dict.fromkeys(TURN_DETECTORS)
    known = dict(zip(SENTENCE_OUTPUTS, manifest.presence, strict=True))
    found = {name: known[name].confusion for name in DETECTORS} | {"refusal": manifest.refusal.confusion}
    return {name: None if name in replaced else confusion for name, confusion in found.items()}


def value_manifest_of(digest: object) -> ValueManifest | None:
    """The manifest of the shipped value model, if it has this digest."""
    if digest is None:
        return None
    from anthrometrics.detectors.value_manifest import load_value_manifest

    manifest = load_value_manifest()
    return manifest if manifest.digest == digest else None


def value_threshold(manifest: ValueManifest | None, name: str) -> float:
    """Probability from which a turn counts as expressing a value; of one's own, that of all that are not trained."""
    if manifest is None:
        return _HALF
    return (manifest.calibration[VALUES.index(name)] if name in VALUES else manifest.zero_shot).threshold


def _value_confusions(
    manifest: ValueManifest | None, names: Sequence[str], replaced: Mapping[str, float]
) -> dict[str, Confusion | None]:
    """What is known of the value model's errors; nothing of values of one's own."""
    known = {} if manifest is None else dict(zip(VALUES, manifest.calibration, strict=True))
    return {
        (key := f"{VALUE}{name}"): known[name].confusion if name in known and key not in replaced else None
        for name in names
    }


def _positive(
    table: ScoreTable, rows: NDArray[np.int64], cut: Mapping[str, float], names: Sequence[str]
) -> NDArray[np.float64]:
    """1 where a turn has the behaviour, 0 where not, NaN where it is not known; shape ``(rows, names)``."""
    columns = {measure.key: i for i, measure in enumerate(table.measures)}
    values = table.values[rows][:, [columns[name] for name in names]]
    found = np.where(np.isnan(values), np.nan, values >= np.array([cut.get(name, _HALF) for name in names]))
    if "refusal" not in cut:
        labels = [table.items[row].refusal_label for row in rows]
        found[:, names.index("refusal")] = [np.nan if x is None else x != "compliance" for x in labels]
    return np.asarray(found, dtype=np.float64)


def _flip(
    name: str,
    threshold: float | None,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    pairing: Pairing,
    options: Options,
) -> Flip:
    shares = float(np.nanmean(before)), float(np.nanmean(after))
    if pairing.by == "none":
        return Flip(name, threshold, *shares, 0, 0, float("nan"))
    change = after - before
    appeared, vanished = int((change > 0).sum()), int((change < 0).sum())
    if len(np.unique(pairing.base_clusters)) == len(pairing.base_clusters):
        p = mcnemar(appeared, vanished)
    else:
        p = float(
            sign_flip(change[:, None], pairing.base_clusters, seed=options.seed, resamples=5 * options.resamples)[0]
        )
    return Flip(name, threshold, *shares, appeared, vanished, p)


def _prevalence(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    confusions: list[Confusion | None],
    pairing: Pairing,
    options: Options,
) -> list[dict[str, Any]]:
    random: dict[str, Any] = {"level": options.level, "resamples": options.resamples, "seed": options.seed}
    if pairing.by != "none":
        paired = paired_prevalence(before, after, pairing.base_clusters, confusions, **random)
        return [
            {"base": p.base.to_dict(), "tuned": p.tuned.to_dict(), "difference": p.difference.to_dict()} for p in paired
        ]
    first = prevalence(before, pairing.base_clusters, confusions, **random)
    second = prevalence(after, pairing.tuned_clusters, confusions, **random)
    unknown = {"value": None, "low": None, "high": None, "raw": None, "note": "not paired"}
    return [
        {"base": a.to_dict(), "tuned": b.to_dict(), "difference": unknown} for a, b in zip(first, second, strict=True)
    ]
