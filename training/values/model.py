"""The value encoder: one window in, a logit for each value and a meaning of the reply out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import BertModel

from anthrometrics.detectors.manifest import model_dir
from anthrometrics.induction.values import VALUES
from training.export import import_weights
from training.model import MOST, DetectorModel, weighted_mean

LAYERS = 3


class ValueModel(nn.Module):
    """A trunk with one head: label-wise attention over the reply's tokens, beside the mean token and ``[CLS]``."""

    def __init__(self, trunk: BertModel, dropout: float = 0.1) -> None:
        super().__init__()
        self.trunk = trunk
        width = trunk.config.hidden_size
        self.whole_head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, len(VALUES))
        )
        self.token_head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, 2 * len(VALUES)))

    @classmethod
    def from_detectors(cls, layers: int = LAYERS) -> ValueModel:
        """Every other layer, or all six, of the shipped detectors' trunk, under new heads."""
        trained = import_weights(model_dir()).trunk
        small = DetectorModel.from_trunk(layers).trunk
        small.embeddings.load_state_dict(trained.embeddings.state_dict())
        every = trained.config.num_hidden_layers // layers
        for new, layer in enumerate(small.encoder.layer):
            layer.load_state_dict(trained.encoder.layer[new * every].state_dict())
        return cls(small)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, response_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Encode a batch of windows.

        Args:
            input_ids: ``(batch, tokens)``.
            attention_mask: ``(batch, tokens)``, 0 on padding.
            token_type_ids: ``(batch, tokens)``, 1 on the response.
            response_mask: ``(batch, tokens)``, 1 on the response without the closing mark.

        Returns:
            Logits ``(batch, 17)`` and the mean response token at unit length, ``(batch, width)``.
        """
        hidden = self.trunk(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        pooling = (response_mask / response_mask.sum(1, keepdim=True)).unsqueeze(1)
        mean = (pooling @ hidden)[:, 0]
        value, importance = self.token_head(hidden).chunk(2, dim=-1)
        weight = torch.exp(MOST * torch.tanh(importance / MOST))
        spoken = weighted_mean(pooling, value, weight)[:, 0]
        logits = self.whole_head(torch.cat([hidden[:, 0], mean], dim=-1)) + spoken
        return logits, mean / mean.norm(dim=-1, keepdim=True)
