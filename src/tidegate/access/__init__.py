"""API keys: who may ask a server for what."""
