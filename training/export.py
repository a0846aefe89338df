"""Trained weights → what ships: exact and fp16 graphs over one fp16 weight file, and an int8 file."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from anthrometrics.detectors.manifest import Precision
from training.model import DetectorModel

INPUTS = ("input_ids", "attention_mask", "token_type_ids", "pooling")
OUTPUTS = ("sentence_logits", "turn_logits")
FILES: dict[Precision, str] = {"exact": "exact.onnx", "fp16": "fp16.onnx", "int8": "int8.onnx"}
WEIGHTS = "weights.fp16.bin"
# Smaller tensors (biases, norms, shapes) stay inside the graph.
_EXTERNAL_FROM = 4096


def round_weights(model: DetectorModel) -> DetectorModel:
    """The model as it ships: every weight rounded to fp16, arithmetic in fp32."""
    rounded = DetectorModel.from_trunk(model.trunk.config.num_hidden_layers).eval()
    rounded.load_state_dict(model.state_dict())
    for parameter in rounded.parameters():
        parameter.data = parameter.data.half().float()
    return rounded


class _HalfInside(nn.Module):
    """fp16 arithmetic behind fp32 inputs and outputs, so that every precision has the same interface."""

    def __init__(self, model: DetectorModel) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).half()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, pooling: Tensor
    ) -> tuple[Tensor, Tensor]:
        sentence, turn = self.model(input_ids, attention_mask, token_type_ids, pooling.half())
        return sentence.float(), turn.float()


def export(model: DetectorModel, out: Path) -> None:
    """Write all files of a model directory but the manifest. ``model`` must have gone through ``round_weights``."""
    out.mkdir(parents=True, exist_ok=True)
    store = _WeightStore()
    exact = _to_onnx(model)
    full_precision = copy.deepcopy(exact)
    onnx.save(store.move_out(exact, cast_to=TensorProto.FLOAT), out / FILES["exact"])
    onnx.save(store.move_out(_to_onnx(_HalfInside(model).eval()), cast_to=None), out / FILES["fp16"])
    (out / WEIGHTS).write_bytes(store.data)
    quantize(full_precision, out / FILES["int8"])


def export_int8(model: DetectorModel, out: Path) -> None:
    """Write the int8 file alone. ``model`` must have gone through ``round_weights``."""
    out.mkdir(parents=True, exist_ok=True)
    quantize(_to_onnx(model), out / FILES["int8"])


def import_weights(directory: Path) -> DetectorModel:
    """The model behind an exported exact graph, for whoever has no checkpoint of it.

    Exporting turned linear weights over and took their names; the biases beside them kept theirs.
    """
    graph = onnx.load(directory / FILES["exact"]).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made = {name: node for node in graph.node for name in node.output}
    values |= {
        name: values[node.input[0]].astype(np.float32)
        for name, node in made.items()
        if node.op_type == "Cast" and node.input[0] in values
    }
    state = {name: values[name] for name in values if "." in name and not name.endswith("_fp16")}
    for node in graph.node:
        bias = next((name for name in node.input if name.endswith(".bias")), None)
        product = next((made[name] for name in node.input if name in made and made[name].op_type == "MatMul"), None)
        if node.op_type == "Add" and bias is not None and product is not None:
            state[bias.removesuffix("bias") + "weight"] = values[product.input[1]].T
    model = DetectorModel.from_trunk()
    model.load_state_dict({name: torch.tensor(value) for name, value in state.items() if "position_ids" not in name})
    return model.eval()


def _to_onnx(model: nn.Module) -> onnx.ModelProto:
    batch, tokens, sentences = torch.export.Dim("batch"), torch.export.Dim("tokens"), torch.export.Dim("sentences")
    ids = torch.randint(1000, 2000, (2, 24))
    inputs = (ids, torch.ones_like(ids), torch.ones_like(ids), torch.full((2, 3, 24), 1 / 24))
    program = torch.onnx.export(
        model,
        inputs,
        dynamo=True,
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_shapes=({0: batch, 1: tokens},) * 3 + ({0: batch, 1: sentences, 2: tokens},),
        opset_version=20,
        verbose=False,
    )
    assert program is not None
    return program.model_proto


class _WeightStore:
    """fp16 bytes of the large weights, each stored once and shared by the graphs that point at it."""

    def __init__(self) -> None:
        self.data = b""
        self._offsets: dict[bytes, int] = {}

    def move_out(self, model: onnx.ModelProto, cast_to: int | None) -> onnx.ModelProto:
        """Replace large weights by references; with ``cast_to`` the graph casts them back on load."""
        nodes, kept = [], []
        for tensor in model.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if values.dtype not in (np.float32, np.float16) or values.size < _EXTERNAL_FROM:
                kept.append(tensor)
                continue
            name = tensor.name if cast_to is None else f"{tensor.name}_fp16"
            kept.append(self._reference(name, values.astype(np.float16)))
            if cast_to is not None:
                nodes.append(helper.make_node("Cast", [name], [tensor.name], to=cast_to))
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)
        body = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend([*nodes, *body])
        return model

    def _reference(self, name: str, values: NDArray[np.float16]) -> onnx.TensorProto:
        raw = values.tobytes()
        key = hashlib.sha256(repr(values.shape).encode() + raw).digest()
        if key not in self._offsets:
            self._offsets[key] = len(self.data)
            self.data += raw
        tensor = onnx.TensorProto(
            name=name, data_type=TensorProto.FLOAT16, dims=values.shape, data_location=TensorProto.EXTERNAL
        )
        for field, value in (("location", WEIGHTS), ("offset", self._offsets[key]), ("length", len(raw))):
            tensor.external_data.add(key=field, value=str(value))
        return tensor


def quantize(model: onnx.ModelProto, file: Path) -> None:
    """Dynamic int8: weights per channel in seven bits, activations per window.

    Seven bits keep the 16-bit sums of AVX2's multiply-add from saturating, so that processors with and without VNNI
    compute the same integers.
    """
    plain, prepared = file.with_suffix(".fp32"), file.with_suffix(".prepared")
    onnx.save(model, plain)
    quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
    quantize_dynamic(
        str(prepared),
        str(file),
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        op_types_to_quantize=["MatMul", "Gather", "Gemm"],
        extra_options={"MatMulConstBOnly": True},
    )
    plain.unlink()
    prepared.unlink()
