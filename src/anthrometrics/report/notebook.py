"""Small tables that notebooks show for a comparison or a set of scores; no extra is needed."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from anthrometrics.report.document import single
from anthrometrics.report.wording import (
    clean,
    count,
    digits_of,
    finite,
    interval,
    name_of,
    p_value,
    plain,
    share,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from anthrometrics.report.document import Document

__all__ = ["comparison_html", "scores_html"]


def comparison_html(document: Document) -> str:
    """Headline and differences of detectors, groups and values, as an HTML fragment.

    Args:
        document: A comparison, ``Comparison.to_dict()``.

    Raises:
        InputError: The document is no comparison.
    """
    only = single(document, "comparison")
    alpha, pairing = only["options"]["alpha"], only["pairing"]
    rows = [_difference(row, alpha) for row in only["measures"] if row["level"] != "label"]
    level = f"{100 * only['options']['level']:g} % interval"
    heads = ("", "", "base", "tuned", "difference", level, "p (Holm)", "")
    labels = sum(row["level"] == "label" for row in only["measures"])
    caption = (
        f"{count(pairing['pairs'], 'pair')}, {count(pairing['clusters'], 'prompt')}; * significant at {alpha:g} after "
        f"Holm's correction, ≈ equivalent within ±{only['options']['margin']:g}; "
        f"{count(labels, 'label measure')} not shown"
    )
    return _fragment(only["headline"], heads, rows, caption)


def scores_html(summary: Mapping[str, Any], *, model: str | None = None) -> str:
    """Shares of detectors, labels and values, as an HTML fragment.

    Args:
        summary: ``Summary.to_dict()``.
        model: What gave the scores, if it is to be named.
    """
    unscored = sum(summary["unscored"].values())
    headline = f"{count(summary['scored'], 'turn')} scored"
    headline += f", {unscored:,} unscored" if unscored else ""
    headline += f" by {model}" if model else ""
    rows = [_measure(name, measure, "detector") for name, measure in summary["detectors"].items()]
    rows += [_measure(name, measure, "label") for name, measure in summary["labels"].items()]
    rows += [_measure(name, measure, "value") for name, measure in summary.get("values", {}).items()]
    refusals = ", ".join(f"{name_of(name)} {number:,}" for name, number in summary["refusal_labels"].items())
    return _fragment(headline, ("", "", "share of turns", "of sentences"), rows, refusals)


def _difference(row: Mapping[str, Any], alpha: float) -> tuple[str, ...]:
    unit, corrected = row["unit"], finite(row["p_holm"])
    digits = digits_of(unit)
    marks = ("*" if corrected is not None and corrected < alpha else "") + ("≈" if row["equivalent"] else "")
    return (
        name_of(row["name"]),
        unit if row["level"] == "detector" else f"{unit}, {row['level']}",
        share(row["base"], unit),
        share(row["tuned"], unit),
        signed(row["difference"], digits),
        interval(row["low"], row["high"], digits),
        p_value(corrected),
        marks,
    )


def _measure(name: str, measure: Mapping[str, Any], level: str) -> tuple[str, ...]:
    return (name_of(name), level, plain(measure["presence"]), share(measure["rate"], "rate"))


def _fragment(headline: str, heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """A table that takes its colours from the notebook."""
    head = "".join(f"<th>{_text(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f"<div><p><strong>{_text(headline)}</strong></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<p><small>{_text(caption)}</small></p></div>"
    )


def _text(value: str) -> str:
    return escape(clean(value))
