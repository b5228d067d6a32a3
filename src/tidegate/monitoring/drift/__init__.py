"""Does a batch come from the customers that the model learned from? Pure numbers: tests, sizes, and what they add up to."""
