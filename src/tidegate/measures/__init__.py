"""Pure numbers, used by everyone who judges."""
