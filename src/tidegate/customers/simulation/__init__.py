"""A seeded bank of simulated customers, and the knobs that make its table as bad as a real one can be."""
