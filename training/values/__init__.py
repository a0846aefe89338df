"""The value tagger: rebuilds ``models/values`` (``python -m training.values``)."""
