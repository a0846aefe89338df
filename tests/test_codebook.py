"""``codebook.py`` against ``docs/codebook.md``: one codebook, written twice, saying the same."""

import re

import pytest

from anthrometrics.codebook import (
    ANTHROPOMORPHIC,
    DETECTORS,
    GROUPS,
    LABEL_NAMES,
    LABELS,
    REFUSAL_DEFINITIONS,
    REFUSAL_LABELS,
    SENTENCE_OUTPUTS,
    VALIDATING,
)

_ROW = re.compile(r"^\| `(\w+)` \| (.+) \|$")


@pytest.fixture(scope="module")
def document(repository):
    return (repository / "docs" / "codebook.md").read_text(encoding="utf-8")


def _section(document, heading):
    """Text under one heading, up to the next one."""
    body = document.split(f"\n{heading}", 1)[1]
    return re.split(r"\n#", body, maxsplit=1)[0]


def _definitions(section):
    """``{label: when}`` of a table, in order."""
    rows = [match.groups() for line in section.splitlines() if (match := _ROW.match(line))]
    return {name: cells.split(" | ")[0] for name, cells in rows}


@pytest.mark.parametrize(
    ("heading", "family"),
    [("### Anthropomorphism", "anthropomorphism"), ("### Validation", "validation"), ("### Refusal", "refusal")],
)
def test_sentence_labels_agree_in_order_and_wording(document, heading, family):
    documented = _definitions(_section(document, heading))
    coded = {label.name: label.definition for label in LABELS if label.family == family}
    assert list(documented.items()) == list(coded.items())


def test_there_are_nineteen_labels_and_their_names_are_distinct():
    assert len(LABEL_NAMES) == len(set(LABEL_NAMES)) == 19


def test_refusal_labels_agree_in_order_and_wording(document):
    documented = _definitions(_section(document, "## Turn label: refusal"))
    assert list(documented.items()) == list(REFUSAL_DEFINITIONS.items())
    assert tuple(documented) == REFUSAL_LABELS


def test_groups_agree(document):
    paragraph = " ".join(document.split("**Groups**", 1)[1].split("\n\n", 1)[0].split())
    found = re.findall(r"\*([a-z ]+)\* = ([a-z_]+(?:, [a-z_]+)*)", paragraph)
    documented = {name.replace(" ", "_"): tuple(labels.split(", ")) for name, labels in found}
    assert documented == GROUPS


def test_anthropomorphic_is_the_documented_range_without_pleasantry(document):
    assert "any of sentience … relatability except `pleasantry`" in " ".join(document.split())
    first, last = LABEL_NAMES.index("sentience"), LABEL_NAMES.index("relatability")
    assert tuple(name for name in LABEL_NAMES[first : last + 1] if name != "pleasantry") == ANTHROPOMORPHIC


def test_validating_is_the_whole_validation_family(document):
    assert "any of the five validation labels" in " ".join(document.split())
    assert tuple(label.name for label in LABELS if label.family == "validation") == VALIDATING
    assert len(VALIDATING) == 5


def test_groups_and_detectors_name_only_labels():
    for labels in (*GROUPS.values(), *DETECTORS.values()):
        assert set(labels) <= set(LABEL_NAMES)


def test_model_outputs_are_the_labels_and_then_the_detectors():
    assert (*LABEL_NAMES, *DETECTORS) == SENTENCE_OUTPUTS
