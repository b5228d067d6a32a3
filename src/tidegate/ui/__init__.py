"""The pages for the analyst, the manager and the engineer; they talk to the APIs and hold no model and no table logic."""
