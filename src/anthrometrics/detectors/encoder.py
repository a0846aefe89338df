"""The ONNX session: windows in, logits out.

On a CPU one window is one ``session.run`` without padding, on one thread; parallelism comes from many Python threads on
one shared session. That keeps every score independent of its neighbours: dynamic int8 takes its activation range
from the whole input, so padding or neighbours would move the logits (onnxruntime #8625). On a GPU windows are padded
into batches.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np

from anthrometrics.errors import DeviceError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from anthrometrics.detectors.manifest import Precision
    from anthrometrics.detectors.window import Window

    Logits = tuple[NDArray[np.float32], NDArray[np.float32]]

__all__ = ["Device", "Encoder", "load_session"]

Device = Literal["auto", "cpu", "cuda"]

_OUTPUTS: Final = ("sentence_logits", "turn_logits")
_PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class Encoder:
    """One loaded model on one device.

    Args:
        directory: The model folder.
        files: ONNX file name of each precision on offer.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.
        precision: By default int8 on a CPU and fp16 on CUDA.

    Raises:
        DeviceError: The device cannot be had, or not with this precision.
        ModelError: There is no such file, or it cannot be loaded.

    Attributes:
        device: ``"cpu"`` or ``"cuda"``, as obtained.
        precision: ``"int8"``, ``"exact"`` or ``"fp16"``.
        batched: Whether ``run_batch`` is the way to use it.
    """

    def __init__(
        self,
        directory: Path,
        files: Mapping[Precision, str],
        device: Device = "auto",
        precision: Precision | None = None,
    ) -> None:
        wanted = _choose_device(device, precision, files)
        try:
            self._open(directory, files, wanted, precision)
        except DeviceError as error:
            if device != "auto":
                raise
            warnings.warn(f"using the CPU: {error}", RuntimeWarning, stacklevel=3)
            self._open(directory, files, "cpu", precision)

    def _open(
        self,
        directory: Path,
        files: Mapping[Precision, str],
        device: Literal["cpu", "cuda"],
        precision: Precision | None,
    ) -> None:
        self.device: Literal["cpu", "cuda"] = device
        self.batched: bool = device == "cuda"
        self.precision: Precision = precision or ("fp16" if self.batched else "int8")
        if self.precision not in files:
            offered = ", ".join(files) or "none"
            raise ModelError(f"{directory} has no {self.precision!r} file; precisions on offer: {offered}")
        self._session = load_session(directory / files[self.precision], device)

    @property
    def provider(self) -> str:
        """The execution provider that ONNX Runtime really uses."""
        return str(self._session.get_providers()[0])

    def run(self, window: Window) -> Logits:
        """Encode one window by itself.

        Returns:
            Sentence logits, shape ``(sentences, outputs)``, and turn logits, shape ``(3,)``.
        """
        ids = window.ids[None]
        sentence, turn = self._run(
            {
                "input_ids": ids,
                "attention_mask": np.ones_like(ids),
                "token_type_ids": window.token_types()[None],
                "pooling": window.pooling()[None],
            }
        )
        return sentence[0], turn[0]

    def run_batch(self, windows: Sequence[Window]) -> list[Logits]:
        """Encode several windows padded to one shape; logits may differ from ``run`` by rounding (fp16: 1e-2)."""
        length = max(len(window.ids) for window in windows)
        most = max(len(window.sentences) for window in windows)
        shape = (len(windows), length)
        feed: dict[str, NDArray[Any]] = {
            name: np.zeros(shape, dtype=np.int64) for name in ("input_ids", "attention_mask", "token_type_ids")
        }
        feed["pooling"] = np.zeros((len(windows), most, length), dtype=np.float32)
        for row, window in enumerate(windows):
            size = len(window.ids)
            feed["input_ids"][row, :size] = window.ids
            feed["attention_mask"][row, :size] = 1
            feed["token_type_ids"][row, :size] = window.token_types()
            feed["pooling"][row, : len(window.sentences), :size] = window.pooling()
        sentence, turn = self._run(feed)
        return [(sentence[row, : len(window.sentences)], turn[row]) for row, window in enumerate(windows)]

    def _run(self, feed: dict[str, NDArray[Any]]) -> Logits:
        return cast("Logits", tuple(self._session.run(_OUTPUTS, feed)))


def _choose_device(
    device: Device, precision: Precision | None, files: Mapping[Precision, str]
) -> Literal["cpu", "cuda"]:
    if device not in ("cpu", "cuda", "auto"):
        raise DeviceError(f'device {device!r} is unknown; use "cpu", "cuda" or "auto"')
    if device == "cuda" and precision == "int8":
        raise DeviceError('int8 runs on the CPU only; use precision="fp16" or "exact" with device="cuda"')
    if device == "cpu" or precision == "int8":
        return "cpu"
    if device == "auto" and precision is None and "fp16" not in files:
        return "cpu"
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if _PROVIDERS["cuda"] in available:
        return "cuda"
    if device == "auto":
        return "cpu"
    raise DeviceError(
        f"CUDA was asked for, but this onnxruntime has only {', '.join(available)}. Install the GPU build "
        "(pip uninstall onnxruntime && pip install 'onnxruntime-gpu[cuda,cudnn]'), or use device=\"cpu\"."
    )


def load_session(file: Path, device: Literal["cpu", "cuda"]) -> Any:
    """An ONNX Runtime session on one thread.

    Raises:
        DeviceError: The device cannot be had.
        ModelError: There is no such file, or it cannot be loaded.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # The arena keeps the largest buffers of every shape it has seen (onnxruntime #11627); lengths vary here.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=[_PROVIDERS[device]])
    except Exception as error:
        # onnxruntime raises its own classes straight from C++, with no common base but Exception.
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise ModelError(f"{file} cannot be loaded: {error}. Reinstall the package or the model folder.") from error
    if session.get_providers()[0] != _PROVIDERS[device]:
        # ONNX Runtime falls back to the CPU without raising when CUDA libraries are missing.
        raise DeviceError(
            f"CUDA was asked for, but ONNX Runtime fell back to {session.get_providers()[0]}; its log above names the "
            "CUDA or cuDNN library it could not load. Install them "
            "(pip install 'onnxruntime-gpu[cuda,cudnn]') or use device=\"cpu\"."
        )
    return session
