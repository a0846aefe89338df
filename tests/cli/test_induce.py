"""``anthrometrics induce`` as a person runs it, on a model of a few random weights."""

import json
import signal
import subprocess
import time

import pytest

from anthrometrics.output.atomic import beside

QUICK = [
    "--expressed-by",
    "source",
    "--suites",
    "everyday",
    "--prompts-per-suite",
    "6",
    "--resamples",
    "100",
    "--detectors",
    "fast",
    "--max-new-tokens",
    "8",
    "--max-length",
    "120",
    "--epochs",
    "1",
    "--tuning-batch-size",
    "8",
    "--accumulation",
    "1",
    "--learning-rate",
    "0.01",
]
WORDS = ("How are you?", "I'm so happy that you ask! I love mornings.", "It is 20 degrees.")


def save_model(folder, template=True):
    """A Llama of random weights, with a tokenizer of the bytes of words."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.induction.conftest import tokenizer_of

    tokenizer = tokenizer_of(WORDS)
    if not template:
        tokenizer.chat_template = None
    torch.manual_seed(0)
    marks = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(
        LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=512, **size, **marks)
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("random") / "base")


@pytest.fixture(scope="module")
def prefs(tmp_path_factory):
    path = tmp_path_factory.mktemp("prefs") / "prefs.jsonl"
    rows = [
        {"value": value, "prompt": f"{WORDS[0]} ({place})", "chosen": WORDS[1], "rejected": WORDS[2]}
        for value in ("empathy", "honesty")
        for place in range(24)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def arguments(base, prefs):
    return ("induce", "--base", base, "--prefs", prefs, *QUICK)


def test_the_whole_path_with_a_value_that_fails(cli, arguments, tmp_path):
    several = ("--seeds", "0,1", "--controls", "null,opposite")
    done = cli(*arguments, "--values", "empathy,violence", *several, "-o", tmp_path / "run")
    assert done.returncode == 1
    assert "Side effects" in done.stdout and "expressed empathy" in done.stdout and "Refusal" in done.stdout
    assert "Scores describe wording" in done.stdout
    assert "violence came to nothing: 0 pairs found for violence" in done.stderr
    assert (tmp_path / "run" / "report.html").exists()
    results = json.loads((tmp_path / "run" / "results.json").read_text("utf-8"))
    row = results["side_effects"][0]
    assert row["seeds"] == 2 and None not in (row["between_seeds"], row["null_low"], row["opposite_high"])
    again = cli("induce", "-o", tmp_path / "run", "--stage", "report")
    assert again.returncode == 1 and "report → " in again.stderr and again.stdout == ""


def test_the_plan_says_what_it_costs_and_writes_nothing(cli, arguments, tmp_path):
    options = ("--values", "empathy,honesty", "--seeds", "0,1", "--controls", "null,opposite", "--dry-run")
    done = cli(*arguments, *options, "-o", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "pairs        empathy 24, honesty 24" in done.stdout
    assert "adapters     12 = 2 values × 2 seeds × 3 with controls" in done.stdout
    assert "answers      78 to 6 prompts, at most 624 tokens" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_killed_or_could_not_write_goes_on_and_does_nothing_twice(
    command, child_environment, cli, arguments, tmp_path
):
    run = tmp_path / "run"
    options = [*map(str, arguments), "--values", "empathy,honesty", "-o", str(run)]
    process = subprocess.Popen([*command, *options], env=child_environment, stderr=subprocess.PIPE)
    first = run / "adapters" / "empathy" / "seed-0" / "training.json"
    wait_for((run / "adapters" / "empathy" / "null-0").exists, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL and not (run / "results.json").exists()
    trained = first.stat().st_mtime_ns
    # What cannot be made stands for what cannot be written: a file where a folder is needed.
    (run / "generations").write_text("", "utf-8")
    done = cli("induce", "-o", run)
    assert done.returncode == 2 and "cannot write into" in done.stderr
    assert f"what is done is kept; anthrometrics induce -o {run} goes on" in done.stderr
    (run / "generations").unlink()
    done = cli("induce", "-o", run)
    assert done.returncode == 0, done.stderr
    assert first.stat().st_mtime_ns == trained
    record = json.loads((run / "run.json").read_text("utf-8"))
    assert len(record["adapters"]) == 4 and record["failed"] == {}
    for name in ("base", "honesty/null-0"):
        scores = run / "scores" / f"{name}.jsonl"
        assert len(scores.read_text("utf-8").splitlines()) == 6 and beside(scores, ".meta.json").exists()
    assert not (run / ".lock").exists()


def test_an_interrupted_run_says_how_to_go_on(start, arguments, tmp_path):
    run = tmp_path / "run"
    options = [*map(str, arguments), "--values", "empathy", "-o", str(run)]
    process = start(*options)
    wait_for((run / "pairs" / "empathy.jsonl").exists, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert f"interrupted; what is done is kept; anthrometrics induce -o {run} goes on" in errors.decode()


def test_mistakes_are_one_message(cli, arguments, base, tmp_path):
    for options, said in {
        ("--values", "empaty"): "there is no value and no file empaty",
        (): '"values" is missing; say what to induce',
        ("--values", "empathy", "--seeds", "0,x"): "expected whole numbers by commas",
        ("--values", "empathy", "--method", "ppo"): 'method must be dpo or sft, not "ppo"',
        ("--values", "empathy", "--suites", "every day"): "there is no suite and no file every day",
        ("--values", "empathy", "--stage", "trian"): 'there is no stage "trian"',
        ("--values", "empathy", "--prefs", "none.jsonl"): "none.jsonl",
    }.items():
        done = cli(*arguments, *options, "-o", tmp_path / "run", environment={"COLUMNS": "300"})
        assert done.returncode == 2 and said in done.stderr, (options, done.stderr)
    assert cli("induce", "--base", base, "--values", "empathy").returncode == 2


def test_a_config_file_and_options_that_win(cli, base, prefs, tmp_path):
    file = tmp_path / "run.toml"
    file.write_text(
        f'base = "{base}"\nprefs = "{prefs}"\nvalues = ["empathy"]\nexpressed_by = "source"\nsuites = ["everyday"]\n'
        "prompts_per_suite = 2\n[tuning]\nepochs = 1\nmax_length = 120\n[generation]\nmax_new_tokens = 4\n",
        "utf-8",
    )
    done = cli("induce", "--config", file, "--epochs", "2", "--stage", "curate", "-o", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))["config"]
    assert config["tuning"]["epochs"] == 2 and config["tuning"]["max_length"] == 120
    file.write_text('bass = "x"\n', "utf-8")
    wrong = cli("induce", "--config", file, "-o", tmp_path / "other")
    assert wrong.returncode == 2 and 'there is no option "bass"; did you mean base' in wrong.stderr


@pytest.mark.parametrize("found", ["nobody/nothing", "folder"])
@pytest.mark.parametrize("dry", [("--dry-run",), ()])
def test_a_base_that_is_not_there_is_told_before_anything_is_done(cli, arguments, tmp_path, found, dry):
    (tmp_path / "folder").mkdir()
    options = ("--values", "empathy", "--base", found, *dry, "-o", "run")
    done = cli(*arguments, *options, cwd=tmp_path, environment={"HF_HUB_OFFLINE": "1"})
    assert done.returncode == 2, done.stderr
    assert "cannot load" in done.stderr and "as a causal language model" in done.stderr
    assert "curate" not in done.stderr and not (tmp_path / "run" / "pairs").exists()


def test_bad_models_and_pairs_are_told_with_their_mend(cli, arguments, base, prefs, tmp_path):
    bare = save_model(tmp_path / "bare", template=False)
    done = cli(*arguments, "--values", "empathy", "--base", bare, "-o", tmp_path / "a")
    assert done.returncode == 2 and "has no chat template" in done.stderr and "--chat-template FILE" in done.stderr
    assert f"anthrometrics induce -o {tmp_path / 'a'} goes on" in done.stderr
    one_sided = tmp_path / "one_sided.jsonl"
    rows = prefs.read_text("utf-8").splitlines()
    one_sided.write_text("\n".join([*rows[:24], '{"prompt": "a", "chosen": "b"}']), "utf-8")
    few = ("--values", "empathy", "--prefs", one_sided, "--minimum", "30", "--stage", "curate")
    done = cli(*arguments, *few, "-o", tmp_path / "b", environment={"COLUMNS": "300"})
    assert done.returncode == 1
    assert "1 records of" in done.stderr and "24 pairs found for empathy, fewer than the 30 needed" in done.stderr
    hot = ("--values", "empathy", "--learning-rate", "1e30", "--controls", "none")
    done = cli(*arguments, *hot, "-o", tmp_path / "c")
    assert done.returncode == 2 and "empathy/seed-0 failed: the loss is" in done.stderr
    assert "no adapter is trained" in done.stderr and "lower learning_rate" in done.stderr


@pytest.mark.parametrize(
    ("library", "extra", "options"),
    [("trl", "induce", ()), ("openai", "endpoint", ("--engine", "endpoint", "--endpoint", "http://127.0.0.1:9/v1"))],
)
def test_a_missing_extra_is_named(python, arguments, tmp_path, library, extra, options):
    code = (
        f"import sys; sys.modules['{library}'] = None\n"
        "from anthrometrics.cli import main; sys.argv[0] = 'anthrometrics'; main()"
    )
    done = python("-c", code, *arguments, *options, "--values", "empathy", "-o", tmp_path / "run")
    errors = done.stderr.decode()
    assert done.returncode == 2 and f"pip install 'anthrometrics[{extra}]'" in errors and "Traceback" not in errors
    # What answers is needed last, and said first all the same.
    assert library == "trl" or "curate" not in errors


def wait_for(condition, process, limit=300.0):
    deadline = time.monotonic() + limit
    while not condition():
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.005)
