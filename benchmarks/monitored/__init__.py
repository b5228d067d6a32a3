"""The runs of `benchmarks/monitoring.py` on drift."""
