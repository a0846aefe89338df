"""Memory and disk that really run out, and how near the estimate of memory comes."""

import gc
import resource
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from anthrometrics.errors import InputError, TrainingError
from anthrometrics.induction.tuning import TuningConfig, estimate, train_adapter

pytestmark = [
    pytest.mark.filterwarnings("ignore:.* is deprecated and will be removed in v6:FutureWarning"),
    pytest.mark.skipif(sys.platform != "linux", reason="limits and peaks as Linux keeps them"),
]

QUICK = TuningConfig(batch_size=4, accumulation=1, epochs=1.0, learning_rate=2e-3, max_steps=2)


@contextmanager
def limited(kind, most):
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


# An adapter's weights, the tokenizer of a checkpoint, and the optimiser's state are written by different libraries.
@pytest.mark.parametrize("most", [2_000, 40_000, 150_000])
def test_a_file_that_does_not_fit_is_told_and_the_same_call_goes_on(chat, pairs, tmp_path, most):
    with limited(resource.RLIMIT_FSIZE, most), pytest.raises(InputError, match="cannot write the adapter"):
        train_adapter(chat, pairs, QUICK, tmp_path / "a")
    assert not (tmp_path / "a" / "training.json").exists()
    assert train_adapter(chat, pairs, QUICK, tmp_path / "a").logit_change > 0


def test_memory_that_does_not_suffice_is_told_with_a_mend_and_the_base_lives(chat, pairs, tmp_path):
    train_adapter(chat, pairs, QUICK, tmp_path / "before")
    long = [replace(pair, chosen=pair.chosen * 8, rejected=pair.rejected * 8) for pair in pairs] * 10
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    names = set(chat.model.state_dict())
    with (
        limited(resource.RLIMIT_AS, used + 200_000_000),
        pytest.raises(TrainingError, match=r"smaller batch_size \(now 200\).*gradient_checkpointing"),
    ):
        train_adapter(chat, long, replace(QUICK, batch_size=200), tmp_path / "a")
    assert set(chat.model.state_dict()) == names
    assert train_adapter(chat, pairs, QUICK, tmp_path / "after").logit_change > 0


def peak(call) -> int:
    """Bytes by which the resident set grows at most."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("peaks cannot be set back here")
    before = resident("VmRSS")
    call()
    return resident("VmHWM") - before


def resident(kind) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(kind)))


@pytest.mark.parametrize("method", ["dpo", "sft"])
def test_the_estimate_of_memory_is_near_the_peak(chat, pairs, tmp_path, method):
    """The weights of the base are there before, and do not grow."""
    long = [replace(pair, chosen=pair.chosen * 4, rejected=pair.rejected * 4) for pair in pairs] * 3
    config = replace(QUICK, method=method, batch_size=36 if method == "dpo" else 72, max_steps=1)
    held = sum(parameter.numel() * parameter.element_size() for parameter in chat.model.parameters())
    expected = estimate(chat, long, config).memory_bytes - held
    train_adapter(chat, pairs, QUICK, tmp_path / "warm")
    grown = peak(lambda: train_adapter(chat, long, config, tmp_path / "a"))
    assert 0.4 < expected / grown < 2.5
