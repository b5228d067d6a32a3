"""Why a model says what it says: exact Shapley values of a bundle's models, and nothing but numpy."""
