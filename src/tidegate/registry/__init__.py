"""Runs, versions and who is champion; the only place that talks to MLflow."""
