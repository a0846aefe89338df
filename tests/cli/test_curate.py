"""``anthrometrics curate`` as a person runs it."""

import json

import pytest

from anthrometrics.induction.preferences import read_preferences, write_preferences


@pytest.fixture(scope="module")
def prefs(tmp_path_factory):
    """Sixty shipped pairs, every third turned round, and two records that give none."""
    path = tmp_path_factory.mktemp("prefs") / "prefs.jsonl"
    pairs = [pair for pair in read_preferences("sample") if pair.value in ("legality", "empathy")][::3]
    write_preferences([pair.flipped() if place % 3 == 0 else pair for place, pair in enumerate(pairs)], path)
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"prompt": "x", "chosen": "only one"}\nnonsense\n')
    return path


@pytest.fixture(scope="module")
def curated(cli, prefs):
    out = prefs.parent / "legality.jsonl"
    return cli("curate", prefs, "--value", "legality", "-o", out, "--balance", "validation"), out


def test_it_says_what_is_kept_and_what_else_it_teaches(curated):
    done, _ = curated
    assert done.returncode == 0
    shown = " ".join(done.stdout.split())
    assert "of 56 pairs teach legality;" in shown and "changed sides." in shown
    assert "Balance cost" in shown and "validation" in shown
    assert "value.legality" in shown and "they do not show what a model feels" in shown


def test_records_without_a_pair_are_shown_counted_and_kept_apart(curated):
    done, out = curated
    assert 'prefs.jsonl:57: expected a field "rejected"' in done.stderr and "prefs.jsonl:58: not JSON" in done.stderr
    assert "56 pairs scored in" in done.stderr and "s per 1,000); 2 records gave no pair" in done.stderr
    apart = [json.loads(line) for line in out.with_suffix(".rejected.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [item["line"] for item in apart] == [57, 58] and apart[1]["text"] == "nonsense"


def test_pairs_and_card_are_written(curated, prefs):
    _, out = curated
    kept = list(read_preferences(out))
    card = json.loads(out.with_suffix(".card.json").read_text(encoding="utf-8"))
    assert card["counts"]["kept"] == len(kept) >= 20
    assert card["counts"]["read"] == 58 and card["counts"]["unreadable"] == 2
    given = {pair.id: pair for pair in read_preferences(prefs) if hasattr(pair, "id")}
    flipped = [pair for pair in kept if given[pair.id] != pair]
    assert len(flipped) == card["counts"]["flipped"] > 0
    assert all(given[pair.id].flipped() == pair for pair in flipped)


def test_pairs_go_to_standard_output(cli, prefs, tmp_path):
    done = cli("curate", "-", "--value", "legality", "--limit", "20", "-o", "-", stdin=prefs.read_bytes())
    (tmp_path / "piped.jsonl").write_text(done.stdout, encoding="utf-8")
    found = list(read_preferences(tmp_path / "piped.jsonl"))
    assert done.returncode == 0 and len(found) == 20 and all(hasattr(pair, "chosen") for pair in found)


def test_too_few_pairs_are_one_line_and_write_nothing(cli, prefs, tmp_path):
    out = tmp_path / "out.jsonl"
    done = cli("curate", prefs, "--value", "legality", "--minimum", "57", "-o", out)
    assert done.returncode == 2
    assert "fewer than the 57 needed" in done.stderr.splitlines()[-1]
    assert done.stdout == "" and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{prefs}",), "Missing option '--value'"),
        (("{prefs}", "--value", "niceness"), "there is no value and no file niceness"),
        (("nowhere.jsonl", "--value", "empathy"), "nowhere.jsonl does not exist"),
        (("{prefs}", "--value", "empathy", "-o", "{prefs}"), "is also the input"),
        (("{prefs}", "--value", "empathy", "-o", "out.csv"), "its name must end in .jsonl"),
        (("{prefs}", "--value", "empathy", "-o", "absent/out.jsonl"), "there is no folder absent"),
        (("{prefs}", "--value", "empathy", "--split", "train"), "has no splits"),
        (("{prefs}", "--value", "empathy", "--format", "dpo"), "no format of preference pairs is called 'dpo'"),
        (("{prefs}", "--value", "empathy", "--margin", "2"), "is not in the range"),
    ],
)
def test_mistakes_are_one_message_and_code_2(cli, prefs, tmp_path, arguments, message):
    done = cli("curate", *(str(word).format(prefs=prefs) for word in arguments), cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and done.stdout == ""
    assert not list(tmp_path.iterdir())
