"""``anthrometrics explain``: one response, sentence by sentence."""

import json

import pytest

from anthrometrics import Turn

PROMPT = "I baked bread today."
TEXT = "How wonderful! I love the smell of fresh bread.\n\nKeep the loaf in a paper bag."


@pytest.fixture(scope="module")
def score(scorer):
    return scorer.score(Turn(TEXT, prompt=PROMPT))


def test_every_sentence_is_shown_with_its_labels(cli, score):
    done = cli("explain", TEXT, "--prompt", PROMPT, "--device", "cpu")
    assert (done.returncode, done.stderr) == (0, "")
    shown = " ".join(done.stdout.replace("│", " ").split())
    for sentence in score.sentences:
        assert sentence.text in shown
        for label in sentence.labels:
            assert f"{label} {sentence.probabilities[label]:.2f}" in shown
    assert f"{score.anthropomorphism:.2f}" in shown
    assert f"rate {score.validation_rate:.2f}" in shown
    assert score.refusal_label in shown


def test_json_is_what_python_gives(cli, score):
    done = cli("explain", TEXT, "--prompt", PROMPT, "--json", "--device", "cpu")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == score.to_dict("sentences")


def test_a_dash_reads_standard_input(cli, score):
    done = cli("explain", "-", "--prompt", PROMPT, "--json", "--device", "cpu", stdin=TEXT.encode())
    assert json.loads(done.stdout) == score.to_dict("sentences")


def test_options_reach_the_scorer(cli, exact_scorer):
    done = cli(
        "explain", TEXT, "--prompt", PROMPT, "--json", "--device", "cpu", "--precision", "exact", "--threads", "1"
    )
    assert json.loads(done.stdout) == exact_scorer.score(Turn(TEXT, prompt=PROMPT)).to_dict("sentences")


def test_another_language_is_flagged(cli):
    done = cli("explain", "Ich freue mich sehr, dass du mir das erzählst, und ich bin für dich da.")
    assert "unverified_language" in done.stdout


@pytest.mark.parametrize(("text", "reason"), [("", "empty"), ("  ", "whitespace"), ("---", "no_words")])
def test_nothing_to_score_is_exit_code_two(cli, text, reason):
    # Two dashes, since a text may begin with one.
    done = cli("explain", "--", text)
    assert done.returncode == 2
    assert f"nothing to score in this text ({reason})" in done.stderr
    assert done.stdout == ""


def test_terminal_codes_in_the_text_are_made_harmless(terminal):
    code, shown = terminal("explain", "I love you,\x1b[2J my friend.\x1b]0;owned\x07 You are kind\u202e.")
    assert code == 0
    assert "my friend" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b]0;" not in shown
    assert "\u202e" not in shown


def test_markup_in_the_text_is_shown_as_it_is(cli):
    done = cli("explain", "I love [bold]you[/bold] and [/] all.")
    assert done.returncode == 0
    assert "I love [bold]you[/bold] and [/] all." in " ".join(done.stdout.replace("│", " ").split())


@pytest.mark.parametrize("content", [b"I am \xff\xfe happy for you.", b"\xef\xbb\xbfI am happy for you."])
def test_standard_input_that_is_not_clean_utf8_is_no_crash(cli, content):
    done = cli("explain", "-", "--json", stdin=content, environment={"PYTHONIOENCODING": ""})
    assert done.returncode in (0, 2)
    assert done.stdout or "UTF-8" in done.stderr
