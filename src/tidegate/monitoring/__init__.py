"""Monitoring: batches, drift, performance, reports, alerts."""
"""What is concluded about a batch of recent customers: data quality, drift, performance."""
