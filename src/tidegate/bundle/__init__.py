"""The deployable model and how it scores; needs no training library and no MLflow."""
