"""Scores on a Ray cluster: of the rows of a ``ray.data.Dataset``, or of files into a folder."""

from anthrometrics.integrations.ray.dataset import score_dataset
from anthrometrics.integrations.ray.files import RayProgress, score_files
from anthrometrics.integrations.ray.outcome import RayRun

__all__ = ["RayProgress", "RayRun", "score_dataset", "score_files"]
