"""Pictures for the pages, drawn by Plotly: a room a page, and one palette."""
