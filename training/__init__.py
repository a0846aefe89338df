"""Rebuilds ``models/detectors`` from labelled data; see ``README.md``."""
