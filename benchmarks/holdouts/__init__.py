"""The runs of `benchmarks/quality.py`: which there are, how each side is trained, and what is kept of them."""
