"""The model card: what a version is, how good it is, for whom, and what to be careful about."""
