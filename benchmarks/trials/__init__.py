"""The trials of `benchmarks/reliability.py`: one module each, with what they need of servers, traffic and evidence beside them."""
