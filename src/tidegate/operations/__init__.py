"""Whole-system verbs: what the command line calls."""
