"""The operate API: what the command line can do, over HTTP, for the UI and for scripts."""
