"""A run: values induced in a model, and what else moved, stage by stage in a folder."""
