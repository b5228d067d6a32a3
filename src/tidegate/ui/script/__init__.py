"""The one file that Streamlit is given. It has a folder of its own: of one beside `pages`, Streamlit would run the modules in there."""
