"""Monitoring: batches, drift, performance, reports, alerts."""
