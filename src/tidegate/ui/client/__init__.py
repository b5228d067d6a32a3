"""The two APIs as functions, and everything that can go wrong with them."""
