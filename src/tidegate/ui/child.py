"""Streamlit's own command line, in a process that ends with `tidegate ui`."""

from __future__ import annotations

from streamlit.web.cli import main

from tidegate.parent import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    main(prog_name="streamlit")
