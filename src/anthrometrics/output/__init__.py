"""Scores → files: written whole or not at all, and picked up again where a run was cut short."""
