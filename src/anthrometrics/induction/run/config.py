"""Everything that a run is made of, as one object, as TOML, and as the options of the command."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from anthrometrics.errors import InputError
from anthrometrics.induction.generation.answers import GenerationConfig
from anthrometrics.induction.selection import Rules
from anthrometrics.induction.suites import SUITES
from anthrometrics.induction.tables import fits
from anthrometrics.induction.tuning.config import TuningConfig
from anthrometrics.induction.values import VALUES, load_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from anthrometrics.induction.selection import ExpressedBy
    from anthrometrics.induction.values import Value

__all__ = ["CONTROLS", "STAGES", "InduceConfig", "write_config"]

# What a run does, in its order.
STAGES: Final = ("curate", "train", "generate", "score", "qa", "compare", "report")
CONTROLS: Final[tuple[str, ...]] = ("null", "opposite")
_CHOICES: Final = {
    "engine": ("transformers", "vllm", "endpoint"),
    "device": ("auto", "cpu", "cuda"),
    "dtype": ("auto", "float32", "bfloat16", "float16"),
}
_TABLES: Final = {"tuning": TuningConfig, "generation": GenerationConfig}
_ALL: Final = "all"


@dataclass(frozen=True)
class InduceConfig:
    """What to induce in which model, and how to measure it.

    Attributes:
        base: The chat model: a name or a folder, as ``load_chat_model`` takes it.
        values: What to induce: names of ``VALUES`` or TOML files; ``"all"`` for the 17.
        prefs: Preference pairs, as ``read_preferences`` takes them; ``"sample"`` for those that ship.
        prefs_format: Their format.
        prefs_split: Split of a dataset.
        expressed_by: How the pairs of a value are known: ``"tagger"`` judges both sides, ``"source"`` takes those whose
            ``value`` is this one as they are.
        margin: How far apart the two probabilities of a value must lie, in [0, 1].
        balance: Measures in which both sides are made alike.
        balance_length: Whether both sides are made alike in length.
        limit: Most pairs a value; all by default.
        minimum: Fewest pairs a value.
        suites: Prompts to answer: names of ``SUITES`` or files.
        prompts_per_suite: Only the first so many of each; all by default.
        seeds: One training run each. Intervals tell about other training runs only with two or more.
        controls: Adapters to compare with: ``"null"``, trained on the same pairs with sides swapped at random, and
            ``"opposite"``, trained on all of them swapped.
        chat_template: File with a Jinja template, where the tokenizer has none.
        device: For training and answering: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        dtype: Of the base model: ``"auto"``, ``"float32"``, ``"bfloat16"`` or ``"float16"``.
        engine: What answers prompts: ``"transformers"``, ``"vllm"`` where that is installed, or ``"endpoint"``, a
            server that has the base and, once they are trained, the adapters.
        endpoint: URL of that server, up to and with ``/v1``.
        endpoint_model: What it calls the base; as ``base`` does by default. It is to call adapters as the run does.
        detectors: What scores answers: ``"full"``, ``"fast"``, or a model's folder.
        level: Of the intervals.
        resamples: Bootstrap resamples.
        qa: Tasks of lm-evaluation-harness, before and after.
        qa_limit: Only the first so many questions of each task.
        qa_tasks: Folder with task files of one's own.
        force: Whether to train what by the estimate does not fit.
        tuning: How adapters are trained; its seed is set by ``seeds``.
        generation: How answers are drawn.

    Raises:
        InputError: A field is out of range, or names something that does not exist.
    """

    base: str
    values: tuple[str, ...]
    prefs: str = "sample"
    prefs_format: str = "auto"
    prefs_split: str | None = None
    expressed_by: str = "tagger"
    margin: float = Rules().margin
    balance: tuple[str, ...] = ()
    balance_length: bool = False
    limit: int | None = None
    minimum: int = 20
    suites: tuple[str, ...] = tuple(SUITES)
    prompts_per_suite: int | None = None
    seeds: tuple[int, ...] = (0,)
    controls: tuple[str, ...] = ("null",)
    chat_template: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    engine: str = "transformers"
    endpoint: str | None = None
    endpoint_model: str | None = None
    detectors: str = "full"
    level: float = 0.95
    resamples: int = 2000
    qa: tuple[str, ...] = ()
    qa_limit: int | None = None
    qa_tasks: str | None = None
    force: bool = False
    tuning: TuningConfig = field(default_factory=TuningConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)

    def __post_init__(self) -> None:
        if self.values == (_ALL,):
            object.__setattr__(self, "values", VALUES)
        self._check_lists()
        self._check_numbers()
        self.rules()
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(f'{name} must be {" or ".join(known)}, not "{getattr(self, name)}"')
        self._check_endpoint()
        if self.tuning.seed != TuningConfig().seed:
            raise InputError(f"training runs take their seeds from seeds, not from tuning.seed ({self.tuning.seed})")

    def _check_lists(self) -> None:
        for name in ("values", "suites", "seeds"):
            if not getattr(self, name):
                raise InputError(f"{name} must name at least one")
        for name in ("values", "suites", "seeds", "controls", "balance", "qa"):
            given = getattr(self, name)
            if len(set(given)) < len(given):
                raise InputError(f"{name} names one twice: {', '.join(map(str, given))}")
        for control in self.controls:
            if control not in CONTROLS:
                raise InputError(f'controls are {", ".join(CONTROLS)}, not "{control}"')
        if min(self.seeds) < 0:
            raise InputError(f"seeds must be 0 or more, not {min(self.seeds)}")

    def _check_numbers(self) -> None:
        for name in ("limit", "minimum", "prompts_per_suite", "qa_limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")
        if self.limit is not None and self.limit < self.minimum:
            raise InputError(f"limit ({self.limit}) must be at least minimum ({self.minimum})")
        if not 0 < self.level < 1:
            raise InputError(f"level must lie between 0 and 1, such as 0.95, not {self.level}")
        if self.resamples < 100:
            raise InputError(f"resamples must be at least 100, not {self.resamples}")

    def _check_endpoint(self) -> None:
        if self.engine == "endpoint" and self.endpoint is None:
            raise InputError('engine "endpoint" needs the URL of a server: --endpoint http://localhost:8000/v1')
        for name in ("endpoint", "endpoint_model"):
            if self.engine != "endpoint" and getattr(self, name) is not None:
                raise InputError(f'{name} is of a server that only engine "endpoint" asks; add --engine endpoint')

    def loaded_values(self) -> tuple[Value, ...]:
        """The values with their definitions.

        Raises:
            InputError: One does not exist or cannot be read, or two have the same name.
        """
        found = tuple(load_value(value) for value in self.values)
        names = [value.name for value in found]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"two values are called {name}; give each a name of its own")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and TOML; what is None is left out."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _TABLES}
        found = {name: list(v) if isinstance(v, tuple) else v for name, v in plain.items() if v is not None}
        for name in _TABLES:
            table = getattr(self, name).to_dict()
            found[name] = {key: value for key, value in table.items() if value is not None and key != _set_by_run(name)}
        return found

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> InduceConfig:
        """The reverse of ``to_dict``; what is left out has its default.

        Raises:
            InputError: A field is missing, unknown, of another kind or out of range.
        """
        known = {f.name: f for f in fields(cls)}
        check_names(table, known)
        for name in ("base", "values"):
            if name not in table:
                raise InputError(f'"{name}" is missing; say {_MISSING[name]}')
        values = {name: _value(known[name].type, name, value) for name, value in table.items() if name not in _TABLES}
        for name, kind in _TABLES.items():
            if name in table:
                values[name] = _table(kind, name, table[name])
        return cls(**values)

    def differences(self, other: InduceConfig) -> list[str]:
        """What another config has otherwise, in words: ``tuning.rank 4 → 8``."""
        before, after = _flat(self.to_dict()), _flat(other.to_dict())
        names = dict.fromkeys((*before, *after))
        return [
            f"{name} {_shown(before.get(name))} → {_shown(after.get(name))}"
            for name in names
            if before.get(name) != after.get(name)
        ]

    def rules(self) -> Rules:
        """How pairs are selected.

        Raises:
            InputError: An option of it is out of range.
        """
        source = cast("ExpressedBy", self.expressed_by)
        return Rules(self.margin, source, self.balance_length, self.balance, self.limit)

    def with_seed(self, seed: int) -> TuningConfig:
        """The tuning of one training run."""
        return replace(self.tuning, seed=seed)


_MISSING: Final = {
    "base": "which chat model to tune (--base NAME or FOLDER)",
    "values": "what to induce (--values empathy,honesty, or all)",
}


def write_config(config: InduceConfig) -> str:
    """The config as TOML that ``read_toml`` reads back."""
    table = config.to_dict()
    lines = [f"{name} = {_toml(value)}" for name, value in table.items() if name not in _TABLES]
    for name in _TABLES:
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table[name].items())]
    return "\n".join(lines) + "\n"


def check_names(table: Mapping[str, Any], known: Iterable[str], where: str = "") -> None:
    """Refuse a name that does not exist, with those that it may have meant.

    Raises:
        InputError: There is one.
    """
    names = list(known)
    for name in table:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
            raise InputError(f'there is no option "{where}{name}"; {hint}')


def _set_by_run(table: str) -> str | None:
    return "seed" if table == "tuning" else None


def _table(kind: Any, name: str, value: object) -> Any:
    if isinstance(value, kind):
        return value
    if not isinstance(value, dict):
        raise InputError(f"{name} must be a table of options, not {value!r}")
    check_names(value, [f.name for f in fields(kind)], f"{name}.")
    return kind.from_dict(value)


def _value(annotation: object, name: str, value: Any) -> Any:
    """A field's value, checked against its type as the class states it."""
    text = str(annotation)
    kind = text.removesuffix(" | None")
    if kind.startswith("tuple["):
        item = kind.removeprefix("tuple[").split(",")[0]
        if isinstance(value, str | Path) or not hasattr(value, "__iter__"):
            raise InputError(f"{name} must be a list, not {value!r}")
        return tuple(_value(item, name, one) for one in value)
    if kind == "str" and isinstance(value, Path):
        return str(value)
    if not fits(value, text):
        raise InputError(f"{name} must be {_KINDS[kind]}, not {value!r}")
    return float(value) if kind == "float" and value is not None else value


_KINDS: Final = {"str": "a string", "bool": "true or false", "int": "a whole number", "float": "a number"}


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= _flat(value, f"{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def _shown(value: object) -> str:
    return "not set" if value is None else ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _toml(value: Any) -> str:
    """A TOML value; strings and lists of JSON are TOML's own, but for DEL, which TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
