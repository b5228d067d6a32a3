"""From a table to its spec: what each column is, what it may not be used for, and why."""
