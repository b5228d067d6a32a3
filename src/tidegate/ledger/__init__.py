"""The durable record of predictions, outcomes and campaign assignments, and the audit trail of events."""
