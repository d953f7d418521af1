"""Save: every map of a page as PNG and CSV, and tables as CSV, behind one button. A file is made when it is asked for."""

import csv
import io
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from app.core import pictures
from app.core.pictures import Picture
from app.shell import session
from app.ui import map_files


@dataclass(frozen=True, kw_only=True, eq=False)
class Map:
    """A map with one number a square, and how it looks."""

    name: str
    values: np.ndarray  # [rows, columns]
    kind: str  # of app.exports
    most: float | None = None  # the number at the top of the scale
    ring: tuple[float, float] | None = None  # the query's place, as fractions (y, x)
    picture: Picture = field(default_factory=session.picture)  # now: a file is made in a thread that knows no session

    def png(self) -> bytes:
        photo = pictures.sharp(self.picture)
        return map_files.map_png(self.values, photo, self.kind, most=self.most, ring=self.ring)

    def csv(self) -> bytes:
        return map_files.map_csv(self.values)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Columns of equal length."""

    name: str
    columns: dict[str, list] = field(default_factory=dict)

    def csv(self) -> bytes:
        file = io.StringIO()
        lines = csv.writer(file)
        lines.writerow(self.columns)
        lines.writerows(zip(*self.columns.values(), strict=True))
        return file.getvalue().encode()


def save(*things: Map | Table) -> None:
    """The button, and behind it one line for each thing."""
    view = session.view()
    with st.popover("Save", icon=":material/download:"):
        for thing in things:
            slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in thing.name.lower()).split())
            checkpoint = view.checkpoint.replace(":", "-")  # a run's name, in a file's
            stem = f"{view.image}-{checkpoint}-stage{view.stage}-block{view.block}-{slug}"
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
                st.markdown(thing.name, width="content")
                with st.container(horizontal=True, gap="small", width="content"):
                    for kind in ("png", "csv"):
                        if make := getattr(thing, kind, None):
                            name, mime = f"{stem}.{kind}", "image/png" if kind == "png" else "text/csv"
                            look = dict(type="tertiary", key=f"save_{slug}_{kind}", on_click="ignore")
                            st.download_button(kind.upper(), make, name, mime, help=f"Save {name}", **look)
