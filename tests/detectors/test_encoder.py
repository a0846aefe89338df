"""The ONNX session: shapes, precisions, padding, and errors that say what to do."""

import numpy as np
import onnxruntime
import pytest

from anthrometrics import DeviceError, ModelError
from anthrometrics.codebook import REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.detectors.encoder import Encoder
from anthrometrics.detectors.window import encode_turn

HAS_CUDA = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
without_cuda = pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime has CUDA")


@pytest.fixture(scope="module")
def encoders(manifest):
    return {name: Encoder(manifest.path, manifest.files, "cpu", name) for name in manifest.files}


@pytest.fixture(scope="module")
def windows(tokenizer, manifest, example_turns):
    """Windows of unequal lengths and numbers of sentences."""
    turns = [encode_turn(tokenizer, manifest.sizes, turn.prompt, turn.response) for turn in example_turns[:24]]
    turns.append(encode_turn(tokenizer, manifest.sizes, None, "Yes."))
    turns.append(encode_turn(tokenizer, manifest.sizes, "More.", " ".join(t.response for t in example_turns[:8])))
    found = [window for turn in turns for window in turn.windows]
    assert len({len(window.ids) for window in found}) > 10
    assert len({len(window.sentences) for window in found}) > 4
    return found


@pytest.mark.parametrize("precision", ["int8", "exact", "fp16"])
def test_one_window_gives_a_row_a_sentence_and_one_refusal(encoders, windows, precision):
    for window in windows[:5]:
        sentence, turn = encoders[precision].run(window)
        assert sentence.shape == (len(window.sentences), len(SENTENCE_OUTPUTS))
        assert turn.shape == (len(REFUSAL_LABELS),)
        assert np.isfinite(sentence).all()
        assert np.isfinite(turn).all()


def test_a_padded_batch_gives_what_single_windows_give(encoders, windows):
    encoder = encoders["exact"]
    for window, (sentence, turn) in zip(windows, encoder.run_batch(windows), strict=True):
        alone_sentence, alone_turn = encoder.run(window)
        np.testing.assert_allclose(sentence, alone_sentence, atol=1e-4)
        np.testing.assert_allclose(turn, alone_turn, atol=1e-4)


def test_a_batch_of_one_gives_what_the_window_gives(encoders, windows):
    ((sentence, turn),) = encoders["exact"].run_batch(windows[:1])
    np.testing.assert_allclose(sentence, encoders["exact"].run(windows[0])[0], atol=1e-4)
    np.testing.assert_allclose(turn, encoders["exact"].run(windows[0])[1], atol=1e-4)


@pytest.mark.parametrize("precision", ["int8", "exact", "fp16"])
def test_the_same_window_gives_the_same_bits(encoders, windows, precision):
    first, second = encoders[precision].run(windows[0]), encoders[precision].run(windows[0])
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_half_precision_is_close_to_exact(encoders, windows):
    for window in windows:
        exact, half = encoders["exact"].run(window), encoders["fp16"].run(window)
        np.testing.assert_allclose(half[0], exact[0], atol=0.05)
        np.testing.assert_allclose(half[1], exact[1], atol=0.05)


def test_int8_is_another_arithmetic_but_the_same_model(encoders, windows):
    exact = np.concatenate([encoders["exact"].run(window)[0] for window in windows])
    quantised = np.concatenate([encoders["int8"].run(window)[0] for window in windows])
    assert not np.array_equal(exact, quantised)
    assert np.corrcoef(exact.ravel(), quantised.ravel())[0, 1] > 0.97


def test_the_words_before_the_response_are_read(encoders, tokenizer, manifest):
    with_prompt, without = (
        encode_turn(tokenizer, manifest.sizes, prompt, "Yes, that is right.").windows[0]
        for prompt in ("I think that my sister was wrong to leave.", None)
    )
    difference = np.abs(encoders["exact"].run(with_prompt)[0] - encoders["exact"].run(without)[0]).max()
    assert difference > 1e-3


def test_a_cpu_encoder_says_what_it_is(encoders):
    assert {name: encoder.precision for name, encoder in encoders.items()} == {name: name for name in encoders}
    assert {encoder.device for encoder in encoders.values()} == {"cpu"}
    assert {encoder.provider for encoder in encoders.values()} == {"CPUExecutionProvider"}
    assert not any(encoder.batched for encoder in encoders.values())


def test_int8_is_the_default_on_a_cpu(manifest):
    assert Encoder(manifest.path, manifest.files, "cpu").precision == "int8"


@without_cuda
def test_auto_is_the_cpu_where_there_is_no_cuda(manifest):
    assert Encoder(manifest.path, manifest.files, "auto").device == "cpu"


@without_cuda
def test_cuda_that_cannot_be_had_says_why_and_what_to_install(manifest):
    with pytest.raises(DeviceError, match=r"has only .*CPUExecutionProvider.*onnxruntime-gpu.*device=\"cpu\""):
        Encoder(manifest.path, manifest.files, "cuda")


def test_an_unknown_device_names_the_known_ones(manifest):
    with pytest.raises(DeviceError, match=r"'tpu' is unknown.*\"cpu\", \"cuda\" or \"auto\""):
        Encoder(manifest.path, manifest.files, "tpu")


def test_a_precision_not_on_offer_names_those_that_are(manifest):
    with pytest.raises(ModelError, match=r"no 'int8' file; precisions on offer: exact"):
        Encoder(manifest.path, {"exact": manifest.files["exact"]}, "cpu", "int8")
    with pytest.raises(ModelError, match=r"no 'int4' file"):
        Encoder(manifest.path, manifest.files, "cpu", "int4")


@pytest.mark.parametrize("content", [None, b"", b"this is no model"])
def test_a_missing_or_damaged_file_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "int8.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"int8\.onnx cannot be loaded"):
        Encoder(tmp_path, {"int8": "int8.onnx"}, "cpu")
