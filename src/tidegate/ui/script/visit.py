"""What Streamlit runs for every visit, and again at every click."""

from __future__ import annotations

from tidegate.ui.app import main

main()
