"""One config as an object, as TOML, and as a table."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthrometrics import InputError
from anthrometrics.induction.run.config import InduceConfig, write_config
from anthrometrics.induction.run.induce import settled
from anthrometrics.induction.suites import SUITES
from anthrometrics.induction.tables import read_toml
from anthrometrics.induction.tuning import TuningConfig
from anthrometrics.induction.values import VALUES

LEAST = {"base": "tiny-chat", "values": ["empathy"]}


def made(**options):
    return InduceConfig.from_dict({**LEAST, **options})


def test_what_is_left_out_has_its_default():
    config = made()
    assert config.prefs == "sample" and config.controls == ("null",) and config.seeds == (0,)
    assert config.suites == tuple(SUITES) and config.tuning == TuningConfig()
    assert made(values=["all"]).values == VALUES


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(texts, st.lists(texts, min_size=1, max_size=3, unique=True), st.floats(0, 1), st.integers(1, 64), st.booleans())
def test_toml_gives_back_every_config(base, suites, margin, rank, full):
    config = made(base=base, suites=suites, margin=margin, qa_limit=3, tuning={"rank": rank, "full": full})
    assert InduceConfig.from_dict(tomllib.loads(write_config(config))) == config


def test_a_file_gives_what_it_says(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text(
        'base = "tiny-chat"\nvalues = ["honesty"]\nseeds = [0, 1]\n[tuning]\nmethod = "sft"\nepochs = 2\n', "utf-8"
    )
    config = InduceConfig.from_dict(read_toml(file))
    assert config.seeds == (0, 1) and (config.tuning.method, config.tuning.epochs) == ("sft", 2)
    assert config.with_seed(1).seed == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"valuse": 1}, r'no option "valuse"; did you mean values'),
        ({"tuning": {"learning": 1.0}}, r'no option "tuning.learning"; did you mean learning_rate'),
        ({"generation": {"max_tokens": 1}}, r'no option "generation.max_tokens"; did you mean max_new_tokens'),
        ({"zzz": 1}, r'no option "zzz"; there are base, values'),
        ({"values": "empathy"}, "values must be a list"),
        ({"values": []}, "values must name at least one"),
        ({"values": ["empathy", "empathy"]}, "values names one twice"),
        ({"seeds": [0, -1]}, "seeds must be 0 or more"),
        ({"seeds": [0.5]}, "seeds must be a whole number"),
        ({"controls": ["nul"]}, "controls are null, opposite"),
        ({"level": 95}, "level must lie between 0 and 1"),
        ({"margin": 2.0}, "margin must lie between 0 and 1"),
        ({"minimum": 30, "limit": 20}, "at least minimum"),
        ({"prompts_per_suite": 0}, "prompts_per_suite must be at least 1"),
        ({"resamples": 10}, "resamples must be at least 100"),
        ({"engine": "vlm"}, "engine must be transformers or vllm"),
        ({"engine": "endpoint"}, "needs the URL of a server"),
        ({"endpoint": "http://localhost/v1"}, 'only engine "endpoint" asks'),
        ({"endpoint_model": "m"}, 'only engine "endpoint" asks'),
        ({"force": "yes"}, "force must be true or false"),
        ({"tuning": 3}, "tuning must be a table"),
        ({"tuning": {"rank": -1}}, "rank must be above 0"),
        ({"tuning": {"seed": 3}}, "take their seeds from seeds"),
        ({"generation": {"samples": 2}}, "set a temperature"),
    ],
)
def test_mistakes_are_told_with_their_mend(options, said):
    with pytest.raises(InputError, match=said):
        made(**options)


def test_what_is_needed_is_asked_for():
    with pytest.raises(InputError, match='"base" is missing; say which chat model'):
        InduceConfig.from_dict({"values": ["empathy"]})
    with pytest.raises(InputError, match='"values" is missing; say what to induce'):
        InduceConfig.from_dict({"base": "tiny-chat"})


def test_values_must_exist_and_have_names_of_their_own(repository):
    own = repository / "src" / "anthrometrics" / "induction" / "values" / "empathy.toml"
    with pytest.raises(InputError, match="two values are called empathy"):
        made(values=["empathy", str(own)]).loaded_values()
    with pytest.raises(InputError, match="no value and no file empaty"):
        made(values=["empaty"]).loaded_values()


def test_differences_are_named(tmp_path):
    other = made(seeds=[0, 1], tuning={"rank": 8}, qa=["gsm8k"])
    assert made().differences(other) == ["seeds 0 → 0,1", "qa  → gsm8k", "tuning.rank 4 → 8"]
    assert made().differences(made()) == []


def test_files_are_found_from_any_folder_and_names_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("pairs.jsonl", "mine.txt", "sample"):
        (tmp_path / name).write_text("", "utf-8")
    config = settled(made(prefs="pairs.jsonl", suites=["everyday", "mine.txt"]))
    assert config.prefs == str(tmp_path / "pairs.jsonl") and config.suites == ("everyday", str(tmp_path / "mine.txt"))
    assert settled(made()).prefs == "sample"


def test_a_file_that_is_no_config(tmp_path):
    (tmp_path / "bad.toml").write_text("base = ", "utf-8")
    with pytest.raises(InputError, match="not TOML"):
        read_toml(tmp_path / "bad.toml")
    with pytest.raises(InputError, match="cannot read"):
        read_toml(tmp_path / "none.toml")
