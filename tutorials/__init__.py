"""Seven notebooks on hierarchical attention. They are written in `source/`; `build.py` builds `exercises/` and `solutions/` from it."""
