"""What an evaluation shows: tables for machines and pictures for people, one room a question."""

from tidegate.training.evaluation.curves import write_evaluation

__all__ = ["write_evaluation"]
