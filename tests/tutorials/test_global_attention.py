"""The checks of notebook 3, global attention: right answers in several styles, and the mistakes that each check must name."""

from tests.tutorials.notebook_checks import Variants
from tutorials.machinery.checks import global_attention

RIGHT = {
    "pool: pad, and divide by the sums of ones": """
        def pool(a1, g):
            pad = (0, -a1.shape[3] % g, 0, -a1.shape[2] % g)
            total = F.avg_pool2d(F.pad(a1, pad), g)
            return total / F.avg_pool2d(F.pad(torch.ones_like(a1[:, :1]), pad), g)
        """,
    "pool: cell by cell into a buffer like a1": """
        def pool(a1, g):
            b, c, h, w = a1.shape
            out = a1.new_zeros(b, c, -(-h // g), -(-w // g))
            for y in range(out.shape[2]):
                for x in range(out.shape[3]):
                    out[:, :, y, x] = a1[:, :, y * g : y * g + g, x * g : x * g + g].mean((2, 3))
            return out
        """,
    "pool: with ceil_mode alone, which counts no padding either": """
        def pool(a1, g):
            return F.avg_pool2d(a1, g, ceil_mode=True)
        """,
    "pool: split twice": """
        def pool(a1, g):
            rows = torch.stack([part.mean(2) for part in a1.split(g, 2)], 2)
            return torch.stack([part.mean(3) for part in rows.split(g, 3)], 3)
        """,
    "own_cell: a map of cells, repeated": """
        def own_cell(h, w, g):
            gh, gw = -(-h // g), -(-w // g)
            cells = torch.arange(gh * gw).view(gh, gw)
            return cells.repeat_interleave(g, 0).repeat_interleave(g, 1)[:h, :w].flatten()
        """,
    "own_cell: loops": """
        def own_cell(h, w, g):
            return torch.tensor([y // g * -(-w // g) + x // g for y in range(h) for x in range(w)])
        """,
    "global_qkv: view and transpose": """
        def global_qkv(rows, cells, wq, wk, wv, heads):
            def split(t):
                return t.view(*t.shape[:2], heads, -1).transpose(1, 2)
            return split(wq(rows)), split(wk(cells)), split(wv(cells))
        """,
    "global_attention: einsum and permute": """
        def global_attention(q2, k2, v2, h, w):
            p2 = torch.einsum("bhnd,bhmd->bhnm", q2, k2).div(q2.shape[-1] ** 0.5).softmax(-1)
            a = torch.einsum("bhnm,bhmd->bhdn", p2, v2)
            return a.reshape(len(a), -1, h, w), p2
        """,
    "global_attention: torch's own for the output": """
        def global_attention(q2, k2, v2, h, w):
            a = F.scaled_dot_product_attention(q2, k2, v2)
            p2 = torch.softmax((q2 / q2.shape[-1] ** 0.5) @ k2.mT, -1)
            return a.transpose(1, 2).flatten(2).mT.unflatten(2, (h, w)), p2
        """,
    "fair_attention: powers times sizes": """
        def fair_attention(a1, wq, wk, wv, heads, g):
            b, c, h, w = a1.shape
            q, k, v = global_qkv(rows(a1), rows(pool(a1, g)), wq, wk, wv, heads)
            down, across = (torch.tensor([min(g, n - i) for i in range(0, n, g)]) for n in (h, w))
            scores = q @ k.mT / q.shape[-1] ** 0.5
            powers = (scores - scores.amax(-1, keepdim=True)).exp() * (down[:, None] * across).flatten()
            p = powers / powers.sum(-1, keepdim=True)
            return rearrange(p @ v, "b a (h w) d -> b (a d) h w", h=h), p
        """,
    "fair_attention: every cell's key as often as it has tokens": """
        def fair_attention(a1, wq, wk, wv, heads, g):
            b, c, h, w = a1.shape
            of = torch.as_tensor(own_cell(h, w, g))
            cells = rows(pool(a1, g))
            _, p_tokens = global_attention(*global_qkv(rows(a1), cells[:, of], wq, wk, wv, heads), h, w)
            a2, _ = global_attention(*global_qkv(rows(a1), cells[:, of], wq, wk, wv, heads), h, w)
            p2 = a1.new_zeros(*p_tokens.shape[:3], cells.shape[1]).index_add(3, of, p_tokens)
            return a2, p2
        """,
}
FAIR = """
        def fair_attention(a1, wq, wk, wv, heads, g):
            q, k, v = global_qkv(rows(a1), rows(pool(a1, g)), wq, wk, wv, heads)
            size = torch.as_tensor(own_cell(*a1.shape[2:], g)).bincount()
            scores = q @ k.mT / q.shape[-1] ** 0.5
            p = {}
            return rearrange(p @ v, "b a (h w) d -> b (a d) h w", h=a1.shape[2]), p
        """
WRONG = {
    "adaptive pooling lets cells overlap": """
        def pool(a1, g):
            return F.adaptive_avg_pool2d(a1, (-(-a1.shape[2] // g), -(-a1.shape[3] // g)))
        """,
    "you pad with copies of the edge": """
        def pool(a1, g):
            return F.avg_pool2d(F.pad(a1, (0, -a1.shape[3] % g, 0, -a1.shape[2] % g), mode="replicate"), g)
        """,
    "each token has its cell's mean; wanted one token for each cell": """
        def pool(a1, g):
            small = F.avg_pool2d(a1, g, ceil_mode=True)
            return small.repeat_interleave(g, 2).repeat_interleave(g, 3)[:, :, : a1.shape[2], : a1.shape[3]]
        """,
    "pool is right in float32, but its result is float32 if a1 is float64": """
        def pool(a1, g):
            right = F.avg_pool2d(a1, g, ceil_mode=True)
            out = torch.zeros(right.shape)
            out[:] = right
            return out
        """,
    "that takes one token of each cell": "def pool(a1, g): return a1[:, :, ::g, ::g]",
    "a row of cells has w / g of them, rounded up": """
        def own_cell(h, w, g):
            n = torch.arange(h * w)
            return n // w // g * (w // g) + n % w // g
        """,
    "a tensor is wanted, for later cells count with it": """
        def own_cell(h, w, g):
            return [y // g * -(-w // g) + x // g for y in range(h) for x in range(w)]
        """,
    "a cell is a square, not a run of g * g tokens": "def own_cell(h, w, g): return torch.arange(h * w) // g**2",
    "a row of cells has ceil(w / g) of them, not w": """
        def own_cell(h, w, g):
            n = torch.arange(h * w)
            return n // w // g * w + n % w // g
        """,
    "cells are numbered row by row": """
        def own_cell(h, w, g):
            n = torch.arange(h * w)
            return n % w // g * -(-h // g) + n // w // g
        """,
    "numbers of cells are whole": """
        def own_cell(h, w, g):
            n = torch.arange(h * w)
            return (n // w / g).floor() * -(-w // g) + n % w // g
        """,
    "a list of h * w numbers is wanted": """
        def own_cell(h, w, g):
            return torch.arange(h)[:, None] // g * -(-w // g) + torch.arange(w) // g
        """,
    "`.view(b, heads, n, d)` cuts the tokens of Q2 apart": """
        def global_qkv(rows, cells, wq, wk, wv, heads):
            return [f(t).view(len(t), heads, t.shape[1], -1) for f, t in ((wq, rows), (wk, cells), (wv, cells))]
        """,
    "V2: the layer's bias is missing": """
        def global_qkv(rows, cells, wq, wk, wv, heads):
            made = wq(rows), wk(cells), cells @ wv.weight.T
            return [rearrange(t, "b n (h d) -> b h n d", h=heads) for t in made]
        """,
    "put heads beside d, (h w) heads d": """
        def global_attention(q2, k2, v2, h, w):
            p2 = (q2 @ k2.mT / q2.shape[-1] ** 0.5).softmax(-1)
            rows = (p2 @ v2).reshape(len(q2), h * w, -1)
            return rearrange(rows, "b (h w) c -> b c h w", h=h), p2
        """,
    "a view of the list as b c h w does not move the channels": """
        def global_attention(q2, k2, v2, h, w):
            p2 = (q2 @ k2.mT / q2.shape[-1] ** 0.5).softmax(-1)
            return (p2 @ v2).transpose(1, 2).flatten(2).reshape(len(q2), -1, h, w), p2
        """,
    "A2 is still a list": """
        def global_attention(q2, k2, v2, h, w):
            p2 = (q2 @ k2.mT / q2.shape[-1] ** 0.5).softmax(-1)
            return (p2 @ v2).transpose(1, 2).flatten(2), p2
        """,
    "some weights are nan": """
        def global_attention(q2, k2, v2, h, w):
            powers = (q2 @ k2.mT / q2.shape[-1] ** 0.5).exp()
            p2 = powers / powers.sum(-1, keepdim=True)
            return rearrange(p2 @ v2, "b a (h w) d -> b (a d) h w", h=h), p2
        """,
    "q2 is not what it was": """
        def global_attention(q2, k2, v2, h, w):
            q2 /= q2.shape[-1] ** 0.5
            p2 = (q2 @ k2.mT).softmax(-1)
            return rearrange(p2 @ v2, "b a (h w) d -> b (a d) h w", h=h), p2
        """,
    "a cell's size does not count yet": FAIR.format("scores.softmax(-1)"),
    "large cells count for less in yours": FAIR.format("(scores - size.log()).softmax(-1)"),
    "the size must count before the softmax divides": FAIR.format("scores.softmax(-1) * size"),
    "you multiply scores by the size": FAIR.format("(scores * size).softmax(-1)"),
    "you add the size itself": FAIR.format("(scores + size).softmax(-1)"),
    "is multiplied by the root of the size": FAIR.format("(scores + size.log() / 2).softmax(-1)"),
}


class TestGlobalAttention(Variants):
    checks = global_attention
    right = RIGHT
    wrong = WRONG
    mistakes = (
        ("pool", ", ceil_mode=True, count_include_pad=False", "", "partial cells at the edge are dropped"),
        ("pool", "F.avg_pool2d(a1, g,", "g * g * F.avg_pool2d(a1, g,", "your cells are sums"),
        ("pool", "avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)", "max_pool2d(a1, g, ceil_mode=True)", "the largest token"),
        (
            "pool",
            "F.avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)",
            "F.avg_pool2d(F.pad(a1, (0, -a1.shape[3] % g, 0, -a1.shape[2] % g)), g)",
            "counts the padding",
        ),
        (
            "pool",
            "F.avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)",
            'rearrange(a1, "b c (i gh) (j gw) -> b c gh gw i j", i=g, j=g).mean((-1, -2))',
            "your cells are dilated",
        ),
        ("global_qkv", "(wk, cells), (wv, cells)", "(wk, rows), (wv, rows)", "K and V must come from the pooled map"),
        ("global_qkv", "(wq, rows)", "(wq, cells)", "Q must come from all tokens"),
        ("global_attention", "b (heads d) h w", "b (d heads) h w", "channels are merged in the wrong order"),
        ("global_attention", '(h w) d -> b (heads d) h w", h=h', '(w h) d -> b (heads d) h w", h=h', "filled column by column"),
        ("global_attention", " * q2.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
        ("pool", "count_include_pad=False)", "count_include_pad=False).double()", "float64; wanted float32"),
    )
