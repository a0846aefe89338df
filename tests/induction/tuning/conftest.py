"""One base for all trainings, as in a run."""

import pytest

from anthrometrics.induction.chat_models import load_chat_model
from anthrometrics.induction.preferences import read_preferences


@pytest.fixture(scope="session")
def chat(small_base):
    return load_chat_model(small_base)


@pytest.fixture(scope="session")
def pairs():
    return [pair for pair in read_preferences("sample") if pair.value == "empathy"][:24]
