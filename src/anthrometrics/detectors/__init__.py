"""Text → scores: segment, window, encode, aggregate; ``scorer.Scorer`` is the only face."""
