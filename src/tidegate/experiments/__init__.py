"""Live comparisons of two versions: who is in which arm, what the evidence says, and when a canary has gone wrong; pure numbers."""
