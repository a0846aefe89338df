"""What is run: transcripts, the windows they give, and bare sessions over these windows."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The command's own loop, so that nothing it does escapes the clock.
from anthrometrics.cli.progress import Progress
from anthrometrics.cli.scoring import Rejections, Run
from anthrometrics.cli.writing import write_files
from anthrometrics.detectors.manifest import PRECISIONS, Manifest
from anthrometrics.detectors.scorer import Scorer
from anthrometrics.detectors.window import Window, encode_turn
from anthrometrics.formats import Rejected, read_turns
from anthrometrics.output.atomic import json_line
from anthrometrics.output.finish import Wanted
from anthrometrics.output.partial import partial_of
from anthrometrics.scores import Detail
from anthrometrics.turns import Turn

ROOT = Path(__file__).parents[1]
EXAMPLES = (ROOT / "examples" / "plain.jsonl", ROOT / "examples" / "warm.jsonl")

Feed = dict[str, NDArray[Any]]


def add_model_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="DIR", help="another model folder; the shipped one by default")


def add_load_options(parser: argparse.ArgumentParser, turns: int, rounds: int = 5) -> None:
    """``--input``, ``--turns``, ``--rounds`` and ``--model``."""
    add_model_option(parser)
    parser.add_argument("--input", type=Path, nargs="+", default=EXAMPLES, help="transcripts; examples/ by default")
    parser.add_argument("--turns", type=positive, default=turns, help="turns a round; the input repeats to give them")
    parser.add_argument("--rounds", type=positive, default=rounds, help="timed rounds")


def add_precision_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--precision", choices=PRECISIONS, default="int8")


def positive(text: str) -> int:
    """An ``argparse`` type."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
    return value


def file_turns(paths: Sequence[Path]) -> Iterator[Turn]:
    """Every readable turn of the files."""
    for path in paths:
        for item in read_turns(path):
            if not isinstance(item, Rejected):
                yield item


def load_turns(paths: Sequence[Path], count: int) -> list[Turn]:
    """``count`` turns, each with an id of its own; the files are read again as often as needed."""
    turns: list[Turn] = []
    while len(turns) < count:
        before = len(turns)
        for turn in islice(file_turns(paths), count - before):
            turns.append(Turn(turn.response, turn.prompt, f"{turn.id}-{len(turns)}", turn.index))
        if len(turns) == before:
            raise SystemExit(f"no turn to score in {', '.join(map(str, paths))}; name other files with --input")
    return turns


def write_transcript(path: Path, turns: Sequence[Turn]) -> None:
    """One JSON object a turn, as ``anthrometrics score`` reads them."""
    with path.open("w", encoding="utf-8") as stream:
        for turn in turns:
            stream.write(json_line({"id": turn.id, "prompt": turn.prompt, "response": turn.response}))


def windows_of(turns: Sequence[Turn], manifest: Manifest) -> list[Window]:
    """Every window that scoring these turns would run."""
    encode = window_encoder(manifest)
    return [window for turn in turns for window in encode(turn)]


def window_encoder(manifest: Manifest) -> Callable[[Turn], Sequence[Window]]:
    """Turn → its windows, none where there is nothing to score."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(manifest.path / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def encode(turn: Turn) -> Sequence[Window]:
        if not turn.response or not turn.response.strip():
            return ()
        return encode_turn(tokenizer, manifest.sizes, turn.prompt, turn.response).windows

    return encode


def token_count(windows: Sequence[Window]) -> int:
    """Tokens that the encoder sees: special tokens and repeated user tails included."""
    return sum(len(window.ids) for window in windows)


def feeds_of(windows: Sequence[Window]) -> list[Feed]:
    """Session inputs, made beforehand."""
    return [
        {
            "input_ids": window.ids[None],
            "attention_mask": np.ones((1, len(window.ids)), dtype=np.int64),
            "token_type_ids": window.token_types()[None],
            "pooling": window.pooling()[None],
        }
        for window in windows
    ]


def bare_session(file: Path, arena: bool = False) -> Any:
    """An ONNX Runtime session on one intra-op thread.

    Args:
        file: The ONNX file.
        arena: Whether to keep ONNX Runtime's memory arena and pattern, which the package switches off to bound memory.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = arena
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def run_bare(session: Any, feeds: Sequence[Feed], threads: int) -> None:
    """The session over all feeds and nothing else."""
    if threads == 1:
        for feed in feeds:
            session.run(None, feed)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda feed: session.run(None, feed), feeds):
            pass


def score_file(scorer: Scorer, source: Path, output: Path, detail: Detail = "labels") -> int:
    """What ``anthrometrics score SOURCE -o OUTPUT`` does once its scorer is loaded; the number of turns."""
    inputs = (str(source),)
    run = Run(scorer, inputs, Progress(inputs), Rejections(strict=True), Wanted(detail))
    with partial_of(output, "new") as partial:
        write_files(run, partial)
    return run.turns
