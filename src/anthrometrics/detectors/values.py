"""Value expression: which of the 17 values, and of one's own, an assistant turn expresses.

One more model reads the windows that the detectors read. Values that it was trained on have an output each. A value of
one's own has none: a turn is compared by meaning with the texts that define it.

On whatever device the detectors run, values are judged on a CPU, window by window in int8, so that the same turn always
has the same values.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from filecmp import cmp
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from anthrometrics.codebook import VALUES
from anthrometrics.detectors.aggregate import platt_probabilities
from anthrometrics.detectors.encoder import load_session
from anthrometrics.detectors.manifest import model_dir
from anthrometrics.detectors.value_manifest import load_value_manifest
from anthrometrics.detectors.value_rules import likeness, turn_logits, turn_meaning
from anthrometrics.detectors.window import encode_turn
from anthrometrics.errors import InputError, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from anthrometrics.detectors.manifest import Manifest
    from anthrometrics.detectors.value_manifest import ValueManifest
    from anthrometrics.detectors.window import Window

    # Logits of the trained values, shape ``(17,)``, and the meaning of the reply's part, shape ``(width,)``.
    WindowValues = tuple[NDArray[np.float32], NDArray[np.float32]]

__all__ = ["OwnExample", "OwnValue", "ValueTagger", "names_of", "own_values", "values_provenance"]

_OUTPUTS: Final = ("value_logits", "meaning")
_TOKENIZER: Final = "tokenizer.json"


class OwnExample(Protocol):
    """Two replies that differ in a value."""

    @property
    def expressing(self) -> str:
        """One that expresses it."""

    @property
    def plain(self) -> str:
        """One that does not."""


class OwnValue(Protocol):
    """A value that a user defines; ``induction.values.Value`` is one."""

    @property
    def name(self) -> str:
        """What it is called in results."""

    @property
    def definition(self) -> str:
        """When a reply expresses it."""

    @property
    def cues(self) -> Sequence[str]:
        """Things that such a reply says."""

    @property
    def examples(self) -> Sequence[OwnExample]:
        """Pairs of replies with and without it."""


@dataclass(frozen=True)
class _Anchors:
    """Meanings of the texts that define a value of one's own, shape ``(texts, width)`` each."""

    expressing: NDArray[np.float64]
    plain: NDArray[np.float64]


class ValueTagger:
    """The value model, and the values it judges; each step may run on any thread.

    Args:
        detectors: The model whose windows are judged.
        tokenizer: Its tokenizer.
        asked: True for the trained values, or values besides them; one with the name of a trained value is that value.

    Raises:
        ModelError: The value model is missing, or reads other windows than the detectors.
        InputError: ``asked`` holds something else than values, two of one name, or one without a word.

    Attributes:
        thresholds: Value → probability from which it counts as expressed; the trained ones first.
        provenance: What tells one way of judging values from another.
    """

    def __init__(self, detectors: Manifest, tokenizer: Tokenizer, asked: object = True) -> None:
        manifest = load_value_manifest()
        if manifest.sizes != detectors.sizes or not _same_tokenizer(detectors):
            raise ModelError(
                f"values are judged on the windows of the shipped models, and {detectors.name} cuts others; leave the "
                "model out, or values"
            )
        self._session = load_session(manifest.path / manifest.file, "cpu")
        self._manifest, self._tokenizer = manifest, tokenizer
        own = own_values(asked)
        self._anchors = [self._anchors_of(value) for value in own]
        platts = (*manifest.calibration, *([manifest.zero_shot] * len(own)))
        self._lines = np.array([[p.slope for p in platts], [p.intercept for p in platts]])
        self.thresholds = {name: platt.threshold for name, platt in zip(names_of(own), platts, strict=True)}
        self.provenance = values_provenance(manifest, own)

    def encode(self, window: Window) -> WindowValues:
        """What the model says of one window, encoded by itself."""
        ids = window.ids[None]
        feed = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": window.token_types()[None],
            "response_mask": window.response_mask()[None],
        }
        logits, meaning = self._session.run(_OUTPUTS, feed)
        return logits[0], meaning[0]

    def join(self, windows: Sequence[Window], found: Sequence[WindowValues]) -> NDArray[np.float64]:
        """Put the windows of a turn together again.

        Returns:
            What calibration takes, in the order of ``thresholds``: logits of the trained values, and the likeness to
            each of one's own.
        """
        logits = turn_logits([logits for logits, _ in found])
        if not self._anchors:
            return logits
        meaning = self._meaning(windows, found)
        return np.append(logits, [likeness(meaning, each.expressing, each.plain) for each in self._anchors])

    def probabilities(self, joined: NDArray[np.float64]) -> dict[str, float]:
        """Calibrated probability that the turn expresses each value."""
        return dict(zip(self.thresholds, platt_probabilities(self._lines, joined).tolist(), strict=True))

    def _meaning(self, windows: Sequence[Window], found: Sequence[WindowValues]) -> NDArray[np.float64]:
        return turn_meaning([meaning for _, meaning in found], [window.response_tokens for window in windows])

    def _anchors_of(self, value: OwnValue) -> _Anchors:
        expressing = [*value.cues, value.definition, *(example.expressing for example in value.examples)]
        plain = [example.plain for example in value.examples]
        return _Anchors(self._embed(value.name, expressing), self._embed(value.name, plain))

    def _embed(self, name: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Meanings of texts, as of replies without a prompt; texts without a word have none."""
        cut = [encode_turn(self._tokenizer, self._manifest.sizes, None, text).windows for text in texts]
        found = [self._meaning(windows, [self.encode(w) for w in windows]) for windows in cut if windows]
        if not found:
            raise InputError(f"the value {name} needs texts that express it and examples of plain replies, in words")
        return np.stack(found)


def _same_tokenizer(detectors: Manifest) -> bool:
    """Whether token ids mean what they mean to the value model, which was trained with the shipped tokenizer."""
    shipped = model_dir()
    return detectors.path == shipped or cmp(detectors.path / _TOKENIZER, shipped / _TOKENIZER, shallow=False)


def own_values(asked: object) -> list[OwnValue]:
    """The values that have no output of their own, of what ``Scorer`` is asked for; none for True.

    Raises:
        InputError: ``asked`` holds something else than values, or two of one name.
    """
    found: list[OwnValue] = []
    if asked is True:
        return found
    several: Sequence[Any] = asked if isinstance(asked, Sequence) and not isinstance(asked, str) else (asked,)
    for value in several:
        if not all(hasattr(value, name) for name in ("name", "definition", "cues", "examples")):
            raise InputError(
                f"{value!r} is not a value; read a file with anthrometrics.induction.values.load_value, and pass what "
                "it gives; all trained values are judged with values=True"
            )
        if value.name not in VALUES:
            found.append(value)
    if twice := [name for name, count in Counter(value.name for value in found).items() if count > 1]:
        raise InputError(f"two values are called {twice[0]}; give each a name of its own")
    return found


def names_of(asked: object) -> tuple[str, ...]:
    """Names of the values that are judged, the trained ones first; none for False.

    Raises:
        InputError: As of ``own_values``.
    """
    return () if asked is False else (*VALUES, *(value.name for value in own_values(asked)))


def values_provenance(manifest: ValueManifest, own: Sequence[OwnValue]) -> dict[str, Any]:
    """What tells one way of judging values from another, as plain values."""
    defined = {"own_values": {value.name: _digest(value) for value in own}} if own else {}
    return {"values_model": manifest.name, "values_digest": manifest.digest, **defined}


def _digest(value: OwnValue) -> str:
    """Sixteen hexadecimal digits over what defines a value."""
    texts = [value.definition, list(value.cues), [[example.expressing, example.plain] for example in value.examples]]
    return blake2b(json.dumps(texts).encode(), digest_size=8).hexdigest()
