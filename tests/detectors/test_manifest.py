"""``detectors.json``: the shipped one is whole, and a wrong one is refused with the reason."""

import json

import pytest

from anthrometrics import ModelError
from anthrometrics.codebook import REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.detectors.manifest import PRECISIONS, load_manifest, model_dir


@pytest.fixture
def raw(manifest):
    return json.loads((manifest.path / "detectors.json").read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path, raw):
    """Write a manifest, changed or not, and return its folder."""

    def write(**changes):
        (tmp_path / "detectors.json").write_text(json.dumps({**raw, **changes}), encoding="utf-8")
        return tmp_path

    return write


def test_the_shipped_model_is_whole(manifest):
    assert manifest.path == model_dir()
    assert set(manifest.files) == set(PRECISIONS)
    for file in (*manifest.files.values(), "tokenizer.json"):
        assert (manifest.path / file).is_file(), file
    assert manifest.name.strip()
    assert len(manifest.digest) >= 16


def test_the_shipped_calibration_is_usable(manifest):
    assert len(manifest.sentence) == len(manifest.presence) == len(SENTENCE_OUTPUTS)
    for platt in (*manifest.sentence, *manifest.presence):
        # A slope below zero would turn evidence into its opposite.
        assert platt.slope > 0
        assert 0 < platt.threshold < 1
    assert manifest.refusal.temperature > 0
    assert 0 < manifest.refusal.threshold < 1
    assert 0 < manifest.refusal.partial_threshold < 1


def test_the_shipped_windows_hold_a_prompt_and_a_sentence(manifest):
    assert manifest.sizes.response_budget(manifest.sizes.prompt) >= 64


def test_reading_the_same_folder_again_gives_the_same(manifest, folder):
    copy = load_manifest(folder())
    assert copy.sentence == manifest.sentence
    assert copy.refusal == manifest.refusal
    assert copy.digest == manifest.digest


def test_the_confusion_counts_are_those_of_the_file(manifest, raw):
    for name, platt in zip(SENTENCE_OUTPUTS, manifest.presence, strict=True):
        assert vars(platt.confusion) == raw["presence"][name]["confusion"]
    (full, partial, compliance), refusal = raw["refusal"]["confusion"], manifest.refusal.confusion
    assert refusal.tp == sum(full[:2]) + sum(partial[:2])
    assert refusal.fn == full[2] + partial[2]
    assert (refusal.fp, refusal.tn) == (sum(compliance[:2]), compliance[2])


def test_a_manifest_without_confusion_counts_is_read(folder, raw):
    presence = {name: {k: v for k, v in values.items() if k != "confusion"} for name, values in raw["presence"].items()}
    refusal = {name: value for name, value in raw["refusal"].items() if name != "confusion"}
    read = load_manifest(folder(presence=presence, refusal=refusal))
    assert {platt.confusion for platt in (*read.presence, read.refusal)} == {None}


def test_precisions_that_a_model_lacks_are_not_on_offer(folder, raw):
    assert set(load_manifest(folder(files={"exact": raw["files"]["exact"]})).files) == {"exact"}


def test_a_folder_without_a_manifest_says_what_belongs_there(tmp_path):
    with pytest.raises(ModelError, match=r"not a model directory.*detectors\.json"):
        load_manifest(tmp_path)


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ModelError, match="nowhere"):
        load_manifest(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"{", b"version https://lfs", b"\xff\xfe\x00"])
def test_a_damaged_manifest_is_refused(tmp_path, content):
    (tmp_path / "detectors.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"detectors\.json"):
        load_manifest(tmp_path)


@pytest.mark.parametrize("content", ["[]", "3", "null", '"text"', "{}"])
def test_json_of_another_shape_is_refused(tmp_path, content):
    (tmp_path / "detectors.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match="does not fit this version"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"outputs": [*reversed(SENTENCE_OUTPUTS)]},
        {"outputs": [*SENTENCE_OUTPUTS, "novelty"]},
        {"refusal_labels": [*reversed(REFUSAL_LABELS)]},
        {"window": {"total": 320}},
        {"files": None},
        {"sentence": {}},
        {"presence": {name: {"slope": "steep"} for name in SENTENCE_OUTPUTS}},
        {"refusal": {"temperature": 1, "bias": [0, 0], "threshold": 0.5, "partial_threshold": 0.5}},
    ],
)
def test_a_manifest_of_another_format_or_codebook_is_refused(folder, changes):
    with pytest.raises(ModelError, match="does not fit this version"):
        load_manifest(folder(**changes))


@pytest.mark.parametrize("field", ["format", "name", "version", "window", "files", "outputs", "sentence", "digest"])
def test_a_missing_field_is_refused(tmp_path, raw, field):
    del raw[field]
    (tmp_path / "detectors.json").write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ModelError, match=field):
        load_manifest(tmp_path)
