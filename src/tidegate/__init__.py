"""Tidegate keeps customers: from a table to a churn service that is trained, registered, served, recorded and watched."""

__version__ = "0.1.0"
