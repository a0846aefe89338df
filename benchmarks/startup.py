"""Wall time of ``import anthrometrics`` and ``anthrometrics --help``, and what they load."""

from __future__ import annotations

import argparse
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import workload
from benchmarks.report import Measure, Result, load_average
from benchmarks.timing import interleave

QUICK = ["--rounds", "2"]
HEAVY = ("onnxruntime", "spacy", "torch", "transformers", "scipy")
_IMPORT = "import anthrometrics"
# The command line's entry point in a process that can be asked afterwards what it loaded.
_HELP = """
import contextlib, io, sys
from anthrometrics.cli import main
sys.argv = ["anthrometrics", "--help"]
with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
    main()
assert "score" in shown.getvalue()
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=workload.positive, default=10, help="timed rounds")


def run(options: argparse.Namespace) -> Result:
    load = load_average()
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import": [sys.executable, "-c", _IMPORT],
        "--help": [*_program(), "--help"],
    }
    timings = interleave({name: partial(_call, command) for name, command in commands.items()}, options.rounds)
    measures = []
    for name, code, most in (("import", _IMPORT, 0.3), ("--help", _HELP, 0.5)):
        heavy = heavy_modules(code)
        measures += [
            Measure(name, median(timings.seconds[name]), "s", ("<", most)),
            Measure(f"{name} / python -c pass", timings.speedup("python -c pass", name)),
            Measure(f"{name}: heavy modules", len(heavy), target=("==", 0), note=", ".join(heavy) or "none"),
        ]
    measures.append(Measure("python -c pass", median(timings.seconds["python -c pass"]), "s"))
    return Result(
        "Startup: before anything is scored",
        {
            "program": " ".join(Path(part).name for part in commands["--help"]),
            "heavy modules looked for": ", ".join(HEAVY),
            "timed rounds": options.rounds,
            "load average before": load,
        },
        measures,
    )


def heavy_modules(code: str) -> list[str]:
    """Which of ``HEAVY`` a new interpreter has loaded after running ``code``."""
    report = f"import sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    return _call([sys.executable, "-c", f"{code}\n{report}"]).split()


def _program() -> list[str]:
    """The installed console script, or the module where the package runs from a checkout."""
    script = Path(sys.executable).with_name("anthrometrics")
    return [str(script)] if script.is_file() else [sys.executable, "-m", "anthrometrics"]


def _call(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
