"""The durable record of predictions and the audit trail of events."""
