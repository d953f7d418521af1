"""Pure functions from numpy arrays to Plotly figures: no Streamlit and no torch, so that notebooks and tests use them too."""
