"""Files that somebody made to do harm, or that a disk or a network damaged: the same ones for the same seed."""
