"""HAT-Net Lab: the Streamlit app. Start it with `streamlit run app/main.py`.

Read in this order: `main.py` (the pages), `core/view.py` (what is shown), `core/pictures.py` and `core/inference.py` (from a photograph
to its attention), `shell/session.py` (what the server remembers), then one page: `views/start/page.py` or `views/explorer/page.py`.

Each folder imports only from those behind it: `views` -> `ui` -> `shell` -> `components` -> `core` -> `hatnet`. `views/<page>/` holds
all that only this page needs, and no page imports another; `ui` is what several pages draw, `shell` the frame around every page,
`components` the JavaScript that several pages share, `core` everything that knows no visitor.
"""
