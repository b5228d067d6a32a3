"""Where bundles and the champion pointer live."""
