"""Draw the README's pictures from the shipped examples: ``python docs/make_images.py``."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from anthrometrics import Rejected, Scorer, read_turns
from anthrometrics.cli.render import print_summaries
from anthrometrics.cli.telling import Telling
from anthrometrics.summary import SummaryBuilder

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Score both example files and save what the terminal shows as SVG."""
    scorer, telling, summaries = Scorer(device="cpu"), Telling(), {}
    for name in ("plain.jsonl", "warm.jsonl"):
        builder = SummaryBuilder()
        turns = (item for item in read_turns(ROOT / "examples" / name) if not isinstance(item, Rejected))
        for score in scorer.stream(turns):
            builder.add(score)
            telling.add(score)
        summaries[name] = builder.build()
    out = Console(record=True, width=100, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    print_summaries(summaries, telling, scorer, out)
    title = "anthrometrics score examples/plain.jsonl examples/warm.jsonl"
    out.save_svg(str(ROOT / "docs" / "images" / "score.svg"), title=title)


if __name__ == "__main__":
    main()
