"""From a labelled table to a bundle."""
