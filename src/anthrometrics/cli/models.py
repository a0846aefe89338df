"""``anthrometrics models``: what is installed, and how good it was measured to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from anthrometrics.cli.render import console
from anthrometrics.detectors.manifest import SHIPPED, Manifest, load_manifest, model_dir
from anthrometrics.detectors.value_manifest import ValueManifest, load_value_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from anthrometrics.detectors.manifest import Precision

__all__ = ["models"]


@click.command
def models() -> int:
    """Show the installed models and their published accuracy."""
    out = console()
    for name in SHIPPED:
        manifest = load_manifest(model_dir(name))
        _show(name, manifest, manifest.files, out)
        measured = "exact" if "exact" in manifest.files else "int8"
        out.print(_accuracy(measured, manifest.accuracy.get("test", {}).get("outputs", {})))
        out.print(Text(f"{manifest.accuracy.get('note', '')}\n", style="dim"))
    _show_values(load_value_manifest(), out)
    return 0


def _show(name: str, manifest: Manifest | ValueManifest, files: Mapping[Precision, str], out: Console) -> None:
    out.print(Text(name, style="bold"), f"{manifest.name} ({manifest.digest[:12]})")
    for file in sorted(path for path in manifest.path.iterdir() if path.suffix in (".onnx", ".bin")):
        serves = ", ".join(precision for precision, name in files.items() if name == file.name)
        out.print(f"  {file.name:<18} {file.stat().st_size / 1e6:5.1f} MB  {serves or 'weights of exact and fp16'}")
    out.print(Text(f"  in {manifest.path}\n"))


def _show_values(manifest: ValueManifest, out: Console) -> None:
    """The value model; its own task is to tell which of four values a reply expresses."""
    _show("values", manifest, {"int8": manifest.file}, out)
    test: dict[str, Any] = manifest.accuracy.get("test", {})
    # By their keys: a label has the name of a value.
    outputs = {f"value.{name}": figures for name, figures in test.get("values", {}).items()}
    out.print(_accuracy("int8", outputs))
    for title, figures in (("trained", test), ("by likeness alone", manifest.accuracy.get("zero_shot", {}))):
        if "one_of_four" in figures:
            value, low, high = figures["one_of_four"]
            out.print(f"which of four values, {title}: {value:.3f} ({low:.3f}–{high:.3f}); by chance 0.25")
    out.print(Text(f"{manifest.accuracy.get('note', '')}\n", style="dim"))


def _accuracy(measured: str, outputs: Mapping[str, Any]) -> Table:
    table = Table(title=f"Held-out accuracy, {measured}", title_justify="left")
    for column, justify in (("measure", "left"), ("F1", "right"), ("95 % interval", "right"), ("positives", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for name, figures in outputs.items():
        value, low, high = figures["f1"]
        table.add_row(name, f"{value:.3f}", f"{low:.3f}–{high:.3f}", str(figures["positives"]))
    return table
