"""A file through the scorer: spooled, scored in a process of its own, recorded, streamed back."""
