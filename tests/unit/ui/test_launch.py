"""How Streamlit is started."""

from __future__ import annotations

from tidegate.ui import launch


def test_streamlit_finds_no_folder_of_pages_beside_its_script() -> None:
    """It would run the modules in there as scripts of their own, at the first visit of a server."""
    assert launch.script().is_file()
    assert not (launch.script().parent / "pages").exists()
