"""What Streamlit runs for every visit. It stands apart: beside a folder `pages`, Streamlit would take that folder's files for scripts."""

from tidegate.ui.app import main

main()
