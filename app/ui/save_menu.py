"""The Save menu: a page's maps as PNG and CSV, its tables as CSV. A file is made when it is downloaded."""

import csv
import io
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from app.core import pictures
from app.core.pictures import Picture
from app.core.words import literal
from app.shell import session
from app.ui import map_files


@dataclass(frozen=True, kw_only=True, eq=False)
class Map:
    """A map with one value for each square, and how it is drawn."""

    name: str
    values: np.ndarray  # [rows, columns]
    kind: str  # as in map_files.map_png
    most: float | None = None  # the value at the top of the scale
    ring: tuple[float, float] | None = None  # the query's place, as fractions (y, x)
    picture: Picture = field(default_factory=session.picture)  # read now: a file is made in a thread without a session

    def png(self) -> bytes:
        photo = pictures.sharp(self.picture)
        return map_files.map_png(self.values, photo, self.kind, most=self.most, ring=self.ring)

    def csv(self) -> bytes:
        return map_files.map_csv(self.values)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """A table with columns of equal length."""

    name: str
    columns: dict[str, list] = field(default_factory=dict)

    def csv(self) -> bytes:
        file = io.StringIO()
        lines = csv.writer(file)
        lines.writerow(self.columns)
        lines.writerows(zip(*self.columns.values(), strict=True))
        return file.getvalue().encode()


def save(*items: Map | Table) -> None:
    """Draw the button; its menu has one line for each item."""
    view = session.view()
    with st.popover("Save", icon=":material/download:"):
        for item in items:
            slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in item.name.lower()).split())
            checkpoint = view.checkpoint.replace(":", "-")  # "run:..." in a file name
            stem = f"{view.image}-{checkpoint}-stage{view.stage}-block{view.block}-{slug}"
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
                st.markdown(item.name, width="content")
                with st.container(horizontal=True, gap="small", width="content"):
                    for kind in ("png", "csv"):
                        if make := getattr(item, kind, None):
                            name, mime = f"{stem}.{kind}", "image/png" if kind == "png" else "text/csv"
                            look = dict(type="tertiary", key=f"save_{slug}_{kind}", on_click="ignore")
                            st.download_button(kind.upper(), make, name, mime, help=f"Save {literal(name)}", **look)
