"""Preference pairs → adapter, by DPO or SFT."""

from anthrometrics.induction.tuning.config import TuningConfig
from anthrometrics.induction.tuning.controls import opposite, shuffled
from anthrometrics.induction.tuning.estimate import Estimate, estimate
from anthrometrics.induction.tuning.train import Adapter, train_adapter

__all__ = ["Adapter", "Estimate", "TuningConfig", "estimate", "opposite", "shuffled", "train_adapter"]
