"""The model card, from measured figures; never edited by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

__all__ = ["write_card"]


def write_card(folder: Path) -> None:
    """Write ``README.md`` beside ``figures.json``, with the front matter that model hubs read."""
    figures: dict[str, Any] = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,
    )
    card = environment.get_template("MODEL_CARD.md.j2").render(**figures, config=config)
    (folder / "README.md").write_text(card, encoding="utf-8")
