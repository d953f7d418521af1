"""A place for the tensors of one attention layer, on request: a forward pass stores nothing in the model."""

from dataclasses import dataclass, field, fields

from torch import Tensor


@dataclass(slots=True)
class Trace:
    """The tensors that one attention layer computed, under our names, each with the paper's symbol; `attention.py` lists their shapes.

    p, p1 and p2 are the weights of the softmax, None where the fused kernel ran. MHSA fills q, k and p, H-MHSA all the others.
    """

    q: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{Q}"})
    k: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{K}"})
    p: Tensor | None = field(default=None, metadata={"symbol": "P"})
    x: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{X}"})
    x1: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{X}_1"})
    q1: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{Q}_1"})
    k1: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{K}_1"})
    v1: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{V}_1"})
    p1: Tensor | None = field(default=None, metadata={"symbol": "P_1"})
    local: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{A}_1"})
    joined: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{A}_1"})
    a1: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{A}_1"})
    pooled: Tensor | None = field(default=None, metadata={"symbol": r"\widehat{\mathbf{A}}_1"})
    rows: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{A}_1"})
    keys: Tensor | None = field(default=None, metadata={"symbol": r"\widehat{\mathbf{A}}_1"})
    q2: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{Q}_2"})
    k2: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{K}_2"})
    v2: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{V}_2"})
    p2: Tensor | None = field(default=None, metadata={"symbol": "P_2"})
    a2: Tensor | None = field(default=None, metadata={"symbol": r"\mathbf{A}_2"})
    out: Tensor | None = field(default=None, metadata={"symbol": r"(\mathbf{A}_1+\mathbf{A}_2)\mathbf{W}^p"})

    def keep(self, **tensors: Tensor | None) -> None:
        for name, tensor in tensors.items():
            setattr(self, name, tensor)


SYMBOLS: dict[str, str] = {entry.name: entry.metadata["symbol"] for entry in fields(Trace)}  # our name -> LaTeX
