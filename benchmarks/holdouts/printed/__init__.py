"""The tables that `benchmarks/quality.py` prints, and the goals they are held to."""
