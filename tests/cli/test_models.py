"""``anthrometrics models``: what is installed, and how good it is."""

import pytest

from anthrometrics.detectors.manifest import SHIPPED, load_manifest, model_dir


@pytest.fixture(scope="module")
def shown(cli):
    done = cli("models")
    assert done.returncode == 0
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module", params=["full", "fast"])
def manifest(request):
    return load_manifest(model_dir(request.param))


def test_the_installed_models_are_named_with_their_files(shown, manifest):
    assert manifest.name in shown
    assert manifest.digest[:12] in shown
    for precision, file in manifest.files.items():
        assert precision in shown
        assert file in shown
    assert str(manifest.path) in "".join(shown.split("\n"))


def test_every_published_figure_is_shown(shown, manifest):
    published = manifest.accuracy["test"]["outputs"]
    assert {"anthropomorphism", "validation"} <= set(published)
    for name, measured in published.items():
        rows = [line for line in shown.splitlines() if line.replace("│", " ").split()[:1] == [name]]
        value, low, high = measured["f1"]
        assert 0 <= low <= value <= high <= 1
        figures = f"{value:.3f}", f"{low:.3f}–{high:.3f}", str(measured["positives"])
        assert len(rows) == len(SHIPPED)
        assert any(all(figure in row for figure in figures) for row in rows)


def test_nothing_is_loaded_to_show_it(python):
    done = python("-X", "importtime", "-m", "anthrometrics", "models")
    assert done.returncode == 0
    assert not [
        line for line in done.stderr.decode().splitlines() if line.split("|")[-1].strip() in ("onnxruntime", "spacy")
    ]
