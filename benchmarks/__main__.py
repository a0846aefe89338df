"""``python -m benchmarks NAME`` and ``python -m benchmarks all``."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from anthrometrics.errors import AnthrometricsError
from benchmarks import models, workload

NAMES = (
    "pipeline",
    "precision",
    "threads",
    "tiers",
    "values",
    "memory",
    "size",
    "startup",
    "ray",
    "induce",
    "lora",
    "models",
    "robustness",
)


def main() -> int:
    options = _parser().parse_args()
    if options.name == "all":
        return _all(options)
    module = import_module(f"benchmarks.{options.name}")
    if options.quick:
        # What is given by hand comes later and wins.
        options = _parser().parse_args([options.name, *module.QUICK, *sys.argv[2:]])
    try:
        result = module.run(options)
    except AnthrometricsError as error:
        raise SystemExit(f"{options.name}: {error}") from error
    print(result.to_markdown(), flush=True)
    if options.json:
        _write_json(options.json, {options.name: result.to_dict()})
    if options.markdown:
        options.markdown.write_text(result.to_markdown(), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description="Speed and size of anthrometrics.")
    commands = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name in NAMES:
        module = import_module(f"benchmarks.{name}")
        command = commands.add_parser(name, help=module.__doc__)
        _add_output_options(command)
        module.add_options(command)
    everything = commands.add_parser("all", help="Every benchmark, one after another, each in a new process.")
    _add_output_options(everything)
    workload.add_model_option(everything)
    return parser


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write what is printed there too")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, and nothing else")


def _all(options: argparse.Namespace) -> int:
    """Each in a new process: what one loads must not weigh on the next, and one that fails must not end the others."""
    results: dict[str, object] = {}
    sections: list[str] = []
    failed = []
    with TemporaryDirectory() as folder:
        for name in NAMES:
            if name == "models" and not os.environ.get("ANTHROMETRICS_DATA"):
                print(f"models: skipped; set ANTHROMETRICS_DATA to the folder that holds {models.FILE}\n", flush=True)
                continue
            if name == "ray" and find_spec("ray") is None:
                print("ray: skipped; it needs pip install 'anthrometrics[ray]'\n", flush=True)
                continue
            if name in ("induce", "lora") and find_spec("trl") is None:
                print(f"{name}: skipped; it needs pip install 'anthrometrics[induce]'\n", flush=True)
                continue
            data, text = Path(folder) / f"{name}.json", Path(folder) / f"{name}.md"
            if subprocess.run(_command(name, data, text, options), check=False).returncode:
                failed.append(name)
                continue
            results |= json.loads(data.read_text(encoding="utf-8"))
            sections.append(text.read_text(encoding="utf-8"))
    if options.json:
        _write_json(options.json, results)
    if options.markdown:
        options.markdown.write_text("\n".join(sections), encoding="utf-8")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _command(name: str, data: Path, text: Path, options: argparse.Namespace) -> list[str]:
    command = [sys.executable, "-m", "benchmarks", name, "--json", str(data), "--markdown", str(text)]
    command += ["--quick"] if options.quick else []
    return command + (["--model", str(options.model)] if options.model and name not in ("startup", "lora") else [])


def _write_json(path: Path, results: dict[str, object]) -> None:
    path.write_text(json.dumps(results, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
