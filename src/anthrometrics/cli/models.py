"""``anthrometrics models``: what is installed, and how good it was measured to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from anthrometrics.cli.render import console
from anthrometrics.detectors.manifest import SHIPPED, Manifest, load_manifest, model_dir

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["models"]


@click.command
def models() -> int:
    """Show the installed detector models and their published accuracy."""
    out = console()
    for name in SHIPPED:
        _show(name, load_manifest(model_dir(name)), out)
    return 0


def _show(name: str, manifest: Manifest, out: Console) -> None:
    out.print(Text(name, style="bold"), f"{manifest.name} ({manifest.digest[:12]})")
    for file in sorted(path for path in manifest.path.iterdir() if path.suffix in (".onnx", ".bin")):
        serves = ", ".join(precision for precision, name in manifest.files.items() if name == file.name)
        out.print(f"  {file.name:<18} {file.stat().st_size / 1e6:5.1f} MB  {serves or 'weights of exact and fp16'}")
    out.print(Text(f"  in {manifest.path}\n"))
    out.print(_accuracy(manifest))
    out.print(Text(f"{manifest.accuracy.get('note', '')}\n", style="dim"))


def _accuracy(manifest: Manifest) -> Table:
    measured = "exact" if "exact" in manifest.files else "int8"
    table = Table(title=f"Held-out accuracy, {measured}", title_justify="left")
    for column, justify in (("measure", "left"), ("F1", "right"), ("95 % interval", "right"), ("positives", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    test: dict[str, Any] = manifest.accuracy.get("test", {})
    for name, figures in test.get("outputs", {}).items():
        value, low, high = figures["f1"]
        table.add_row(name, f"{value:.3f}", f"{low:.3f}–{high:.3f}", str(figures["positives"]))
    return table
