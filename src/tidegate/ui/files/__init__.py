"""A scored file of a visit: sent and received beside the page, kept on the disk for a day, read a piece at a time. Knows no Streamlit."""
