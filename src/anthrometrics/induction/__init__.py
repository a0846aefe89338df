"""Values → side effects: prompt suites, value definitions, and what tuning on a value does to the way a model talks."""
