"""Trained weights → ``int8.onnx``, the only file of the value encoder that ships."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from training.export import quantize
from training.values.model import ValueModel

FILE = "int8.onnx"
INPUTS = ("input_ids", "attention_mask", "token_type_ids", "response_mask")
OUTPUTS = ("value_logits", "meaning")


def export(model: ValueModel, out: Path) -> None:
    """Write the graph with its weights as dynamic int8."""
    out.mkdir(parents=True, exist_ok=True)
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    ids = torch.randint(1000, 2000, (2, 24))
    program = torch.onnx.export(
        nn.Module.eval(model),
        (ids, torch.ones_like(ids), torch.ones_like(ids), torch.ones(2, 24)),
        dynamo=True,
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_shapes=({0: batch, 1: tokens},) * 4,
        opset_version=20,
        verbose=False,
    )
    assert program is not None
    quantize(program.model_proto, out / FILE)
