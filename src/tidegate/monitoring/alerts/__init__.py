"""Alerts: when something is wrong, who has been told, and who has still to be told."""
