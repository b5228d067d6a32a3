"""Whom to contact under a budget, with a control group kept aside, and later the proof."""
