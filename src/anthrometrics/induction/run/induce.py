"""Induce values in a model and measure what else moved, in one call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.errors import InputError
from anthrometrics.induction.run.config import InduceConfig, write_config
from anthrometrics.induction.run.facts import facts_of
from anthrometrics.induction.run.folder import RunFolder, locked
from anthrometrics.induction.run.handle import Run
from anthrometrics.induction.run.reporter import Reporter
from anthrometrics.induction.run.stages import check_stages, run_stages
from anthrometrics.induction.run.workshop import Workshop
from anthrometrics.induction.suites import SUITES
from anthrometrics.induction.values import VALUES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["induce", "run_config", "settled"]

# What ships is meant by its name, whatever lies in the folder.
_PATHS: Final = ("base", "prefs", "chat_template", "detectors", "qa_tasks")
_NAMES: Final = {*VALUES, *SUITES, "sample", "full", "fast", "tiny-chat"}


def induce(
    base: str | Path | None = None,
    values: str | Sequence[str | Path] = (),
    prefs: str | Path = "sample",
    *,
    out: str | Path,
    stages: Sequence[str] = (),
    reporter: Reporter | None = None,
    **options: Any,
) -> Run:
    """Tune a chat model toward each value, let it answer prompts before and after, and compare the answers.

    For each value the pairs that show it are chosen, an adapter is trained on them for each seed, and one with their
    sides swapped at random, the null adapter, shows what training as such does. The base answers once for all values.
    A run goes on where it was: what is done is not done again.

    Args:
        base: The chat model: a name or a folder. Left out, the run in ``out`` goes on.
        values: Names of values or TOML files; ``"all"`` for the 17.
        prefs: Preference pairs: ``"sample"`` for those that ship, a file, the folder or the name of a dataset.
        out: The folder of the run.
        stages: Only these of ``config.STAGES``.
        reporter: Is told of what happens.
        **options: The other fields of ``InduceConfig``: ``suites``, ``seeds``, ``controls``, ``tuning`` (a
            ``TuningConfig`` or a dict), ``generation`` (a ``GenerationConfig`` or a dict) …; None for the default.

    Returns:
        The run. What came to nothing is in ``failed``; the rest is there.

    Raises:
        InputError: An option is wrong, the run in ``out`` was begun with others, or a stage cannot go on.
        MissingExtraError: What trains models is not installed (``pip install 'anthrometrics[induce]'``).

    Example:
        >>> run = anthrometrics.induce("tiny-chat", ["empathy", "honesty"], out="runs/first")
        >>> run.side_effects["empathy", "validation"].difference
    """
    config = None
    if base is not None:
        named = [values] if isinstance(values, str | Path) else list(values)
        given = {name: value for name, value in options.items() if value is not None}
        config = InduceConfig.from_dict({"base": base, "values": named, "prefs": prefs, **given})
    elif values or options or prefs != "sample":
        raise InputError("say which model to tune (base=), or give nothing but out= to go on with a run")
    return run_config(config, Path(out), stages=stages, reporter=reporter)


def run_config(
    config: InduceConfig | None, out: Path, *, stages: Sequence[str] = (), reporter: Reporter | None = None
) -> Run:
    """Begin a run, or go on with it.

    Args:
        config: What to do; None for what the run in ``out`` was begun with.
        out: The folder of the run.
        stages: Only these.
        reporter: Is told of what happens.

    Raises:
        InputError: The run was begun with other options, or a stage cannot go on.
    """
    # Before anything is made.
    check_stages(stages)
    if config is not None:
        config.loaded_values()
    elif not (out / "run.json").exists():
        raise InputError(f"there is no run in {out} to go on with; say which model to tune (--base) and what to induce")
    with locked(out):
        folder = _folder(config, out)
        run_stages(Workshop(folder, folder.config, reporter or Reporter()), stages)
    return Run(folder)


def settled(config: InduceConfig) -> InduceConfig:
    """The config with absolute paths, so that a run can go on from any folder."""
    paths: dict[str, Any] = {name: _settled(getattr(config, name)) for name in _PATHS}
    paths |= {name: tuple(_settled(item) for item in getattr(config, name)) for name in ("values", "suites")}
    return replace(config, **paths)


def _settled(name: Any) -> Any:
    if name is None or name in _NAMES or not Path(name).exists():
        return name
    return str(Path(name).resolve())


def _moved(before: InduceConfig, now: InduceConfig) -> bool:
    """Whether all that differs is where a server is, and what it calls the base."""
    if before.engine != "endpoint" or now.engine != "endpoint":
        return False
    return replace(before, endpoint=now.endpoint, endpoint_model=now.endpoint_model) == now


def _folder(config: InduceConfig | None, out: Path) -> RunFolder:
    """The run in a folder; a new one where there is none, or where nothing has been done in it yet."""
    if config is not None:
        config = settled(config)
    if (out / "run.json").exists():
        folder = RunFolder.open(out)
        changed = folder.config.differences(config) if config is not None else []
        if not changed:
            return folder
        if config is not None and _moved(folder.config, config):
            folder.record["config"] = config.to_dict()
            folder.save()
            folder.write(out / "config.toml", write_config(config))
            return folder
        if not folder.untouched:
            raise InputError(
                f"the run in {out} was begun with other options ({'; '.join(changed)}); name another folder, or go on "
                f"with it as it was: anthrometrics induce -o {out}"
            )
        for file in (out / "run.json", out / "config.toml", folder.prompts):
            file.unlink(missing_ok=True)
    assert config is not None
    folder = RunFolder.create(out, config, facts_of())
    folder.write(out / "config.toml", write_config(config))
    return folder
