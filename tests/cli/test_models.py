"""``anthrometrics models``: what is installed, and how good it is."""

import pytest


@pytest.fixture(scope="module")
def shown(cli):
    done = cli("models")
    assert done.returncode == 0
    assert done.stderr == ""
    return done.stdout


def test_the_installed_model_is_named_with_its_files(shown, manifest):
    assert manifest.name in shown
    assert manifest.digest[:12] in shown
    for precision, file in manifest.files.items():
        assert precision in shown
        assert file in shown
    assert str(manifest.path) in "".join(shown.split("\n"))


def test_every_published_figure_is_shown(shown, manifest):
    figures = manifest.accuracy["test"]["outputs"]
    assert {"anthropomorphism", "validation"} <= set(figures)
    for name, measured in figures.items():
        (row,) = [line for line in shown.splitlines() if line.replace("│", " ").split()[:1] == [name]]
        value, low, high = measured["f1"]
        assert 0 <= low <= value <= high <= 1
        assert f"{value:.3f}" in row
        assert f"{low:.3f}–{high:.3f}" in row
        assert str(measured["positives"]) in row


def test_nothing_is_loaded_to_show_it(python):
    done = python("-X", "importtime", "-m", "anthrometrics", "models")
    assert done.returncode == 0
    assert not [
        line for line in done.stderr.decode().splitlines() if line.split("|")[-1].strip() in ("onnxruntime", "spacy")
    ]
