"""The durable record of predictions, outcomes, feedback and campaign assignments, and the audit trail of events."""
