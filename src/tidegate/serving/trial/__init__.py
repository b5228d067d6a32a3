"""An experiment as a server lives it: who is scored by which version, what is counted of it, when a canary is stopped."""
