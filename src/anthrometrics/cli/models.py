"""``anthrometrics models``: what is installed, and how good it was measured to be."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table
from rich.text import Text

from anthrometrics.cli.render import console
from anthrometrics.detectors.manifest import Manifest, load_manifest

__all__ = ["models"]


@click.command
def models() -> int:
    """Show the installed detector model and its published accuracy."""
    manifest = load_manifest()
    out = console()
    out.print(Text(manifest.name, style="bold"), f"({manifest.digest[:12]})")
    for file in sorted(path for path in manifest.path.iterdir() if path.suffix in (".onnx", ".bin")):
        serves = ", ".join(precision for precision, name in manifest.files.items() if name == file.name)
        out.print(f"  {file.name:<18} {file.stat().st_size / 1e6:5.1f} MB  {serves or 'weights of exact and fp16'}")
    out.print(Text(f"  in {manifest.path}\n"))
    out.print(_accuracy(manifest))
    out.print(Text(str(manifest.accuracy.get("note", "")), style="dim"))
    return 0


def _accuracy(manifest: Manifest) -> Table:
    table = Table(title="Held-out accuracy, exact precision", title_justify="left")
    for column, justify in (("measure", "left"), ("F1", "right"), ("95 % interval", "right"), ("positives", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    test: dict[str, Any] = manifest.accuracy.get("test", {})
    for name, figures in test.get("outputs", {}).items():
        value, low, high = figures["f1"]
        table.add_row(name, f"{value:.3f}", f"{low:.3f}–{high:.3f}", str(figures["positives"]))
    return table
