"""Renewal: from what monitoring found to a new champion, a question for a person, or a refusal."""
