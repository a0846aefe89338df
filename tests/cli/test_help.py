"""Help, usage, and what starting costs."""

import json

import pytest

HEAVY = {"onnxruntime", "spacy", "torch", "transformers", "tokenizers", "pandas", "scipy", "thinc"}


def _imported(done):
    """Top-level names that ``-X importtime`` reports."""
    lines = [line for line in done.stderr.decode().splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines}


def test_importing_the_package_loads_nothing_heavy(python):
    done = python("-X", "importtime", "-c", "import anthrometrics")
    found = _imported(done)
    assert done.returncode == 0
    assert "anthrometrics" in found
    assert not found & {*HEAVY, "numpy", "click", "rich"}


@pytest.mark.parametrize("arguments", [("--help",), ("score", "--help"), ("explain", "--help"), ("models", "--help")])
def test_help_loads_nothing_heavy(python, arguments):
    done = python("-X", "importtime", "-m", "anthrometrics", *arguments)
    found = _imported(done)
    assert done.returncode == 0
    assert "click" in found
    assert not found & HEAVY
    assert b"Usage:" in done.stdout


def test_public_data_classes_need_nothing_heavy(python):
    code = (
        "import sys, json; from anthrometrics import Turn, Conversation, Message, InputError, read_turns, Rejected; "
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    assert not set(json.loads(python("-c", code).stdout)) & {*HEAVY, "numpy"}


def test_help_names_every_command_and_says_what_it_is_for(cli):
    done = cli("--help")
    for name in ("score", "explain", "models"):
        assert name in done.stdout
    assert done.stderr == ""
    assert done.stdout == cli("-h").stdout


def test_help_of_score_documents_exit_codes_and_options(cli):
    shown = cli("score", "--help").stdout
    options = "output detail text inspect-scores resume restart device precision threads strict model"
    for option in (f"--{name}" for name in options.split()):
        assert option in shown
    assert "summary|labels|sentences" in shown
    for line in ("0  every line was read", "1  some lines were rejected", "2  wrong usage"):
        assert line in shown


def test_no_command_shows_usage(cli):
    done = cli()
    assert "Usage:" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scoer",), "No such command"),
        (("score",), "Missing argument"),
        (("score", "x.jsonl", "--nonsense"), "No such option"),
        (("score", "x.jsonl", "--detail", "all"), "is not one of"),
        (("score", "x.jsonl", "--precision", "int4"), "is not one of"),
        (("score", "x.jsonl", "--device", "tpu"), "is not one of"),
        (("score", "x.jsonl", "--threads", "0"), "is not in the range"),
        (("score", "x.jsonl", "--threads", "two"), "is not a valid integer"),
        (("explain",), "Missing argument"),
    ],
)
def test_wrong_usage_is_exit_code_two_and_one_message(cli, arguments, message):
    done = cli(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
