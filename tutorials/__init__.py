"""Seven notebooks on hierarchical attention: `source/` is written, `exercises/` and `solutions/` are built from it by `build.py`."""
