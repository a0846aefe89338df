"""Steps down a loss: rates that rise and fall, gradients that are clipped, and a moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_LONGEST_GRADIENT = 1.0


class Steps:
    """AdamW on a model; of its weights the moving average is what a run keeps.

    Args:
        model: What learns.
        groups: Parameters with their ``lr`` and ``weight_decay``.
        steps: In all.
        warmup: Share of them in which the rates rise; then they fall linearly.
        average: Weight of what was there before in the moving average.
    """

    def __init__(
        self, model: nn.Module, groups: Sequence[Mapping[str, Any]], steps: int, warmup: float, average: float
    ) -> None:
        self.done = 0
        self._model = model
        self._optimizer = torch.optim.AdamW(list(groups), fused=True)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: min((step + 1) / (warmup * steps), (steps - step) / (steps * (1 - warmup)))
        )
        self._averaged = torch.optim.swa_utils.AveragedModel(
            model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(average)
        )

    @property
    def averaged(self) -> nn.Module:
        """A model of the averaged weights."""
        return self._averaged.module

    def take(self, loss: Tensor) -> None:
        """One step.

        Raises:
            SystemExit: The loss is not finite.
        """
        if not math.isfinite(float(loss.detach())):
            raise SystemExit(f"loss is {float(loss)} at step {self.done}; lower trunk_lr in the recipe")
        loss.backward()
        nn.utils.clip_grad_norm_(self._model.parameters(), _LONGEST_GRADIENT)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._schedule.step()
        self._averaged.update_parameters(self._model)
        self.done += 1
