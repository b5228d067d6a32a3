"""The dashboards, as functions that build them."""
