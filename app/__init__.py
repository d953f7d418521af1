"""HAT-Net Lab: the Streamlit app. Start it with `streamlit run app/main.py`."""
