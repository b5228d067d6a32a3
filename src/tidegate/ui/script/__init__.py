"""The one file that Streamlit is given, in a folder of its own: beside a folder named `pages` it would run that folder's modules as scripts."""
