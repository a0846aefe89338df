"""One adapter by itself, also on several GPUs: ``accelerate launch -m anthrometrics.induction.tuning …``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from anthrometrics.errors import AnthrometricsError, InputError
from anthrometrics.formats.reader import Rejected
from anthrometrics.induction.chat_models import load_chat_model
from anthrometrics.induction.preferences import PreferencePair, read_preferences
from anthrometrics.induction.tables import read_toml
from anthrometrics.induction.tuning.config import TuningConfig
from anthrometrics.induction.tuning.processes import is_first
from anthrometrics.induction.tuning.train import train_adapter

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Train it; 2 where something is wrong with what was asked."""
    parser = argparse.ArgumentParser(prog="python -m anthrometrics.induction.tuning", description=__doc__)
    parser.add_argument("pairs", help='preference pairs, such as "anthrometrics curate" writes')
    parser.add_argument("base", help="the chat model: a folder, or a name on the hub")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the adapter")
    parser.add_argument("--config", type=Path, help="a TOML file with the fields of TuningConfig")
    parser.add_argument("--chat-template", help="a file with a Jinja template")
    given = parser.parse_args(arguments)
    try:
        config = TuningConfig.from_dict(read_toml(given.config) if given.config else {})
        chat = load_chat_model(given.base, chat_template=given.chat_template, quantized=config.quantized)
        adapter = train_adapter(chat, _pairs(given.pairs), config, given.output, progress=_tell)
    except AnthrometricsError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    if is_first():
        print(f"{adapter.trained_tokens:,} tokens in {adapter.seconds:.0f} s → {adapter.path}", file=sys.stderr)  # noqa: T201
    return 0


def _pairs(source: str) -> list[PreferencePair]:
    pairs = []
    for item in read_preferences(source):
        if isinstance(item, Rejected):
            raise InputError(f"{item}; mend it, or choose pairs with anthrometrics curate, which keeps bad ones apart")
        pairs.append(item)
    return pairs


def _tell(step: int, steps: int, loss: float | None) -> None:
    if loss is not None and is_first():
        print(f"step {step}/{steps} loss {loss:.4f}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
