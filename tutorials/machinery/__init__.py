"""Notebooks on hierarchical attention. They are written in `source/`, from which `build.py` builds exercises and solutions."""
