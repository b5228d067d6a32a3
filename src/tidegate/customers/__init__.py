"""Tables of customers: what they must look like, how they are read, and a bank of simulated ones."""
