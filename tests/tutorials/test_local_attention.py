"""The checks of notebook 2, local attention: right answers in several styles, and the mistakes that each check must name."""

from tests.tutorials.notebook_checks import Variants
from tutorials.machinery.checks import local_attention

RIGHT = {
    "partition: view, permute, reshape": """
        def partition(x, g):
            b, c, h, w = x.shape
            return x.reshape(b, c, h // g, g, w // g, g).permute(0, 2, 4, 3, 5, 1).reshape(-1, g * g, c)
        """,
    "partition: unfold twice": """
        def partition(x, g):
            windows = x.unfold(2, g, g).unfold(3, g, g)
            return rearrange(windows, "b c gh gw i j -> (b gh gw) (i j) c")
        """,
    "partition: a list of slices": """
        def partition(x, g):
            b, c, h, w = x.shape
            cut = [x[:, :, y : y + g, z : z + g].flatten(2).mT for y in range(0, h, g) for z in range(0, w, g)]
            return torch.stack(cut, 1).flatten(0, 1)
        """,
    "partition: a loop into a buffer like x": """
        def partition(x, g):
            b, c, h, w = x.shape
            out = x.new_zeros(b * (h // g) * (w // g), g * g, c)
            for n in range(len(out)):
                image, place = divmod(n, (h // g) * (w // g))
                row, column = divmod(place, w // g)
                for i in range(g):
                    for j in range(g):
                        out[n, i * g + j] = x[image, :, row * g + i, column * g + j]
            return out
        """,
    "partition_any: a larger buffer, ones made like x": """
        def partition_any(x, g):
            b, c, h, w = x.shape
            down, across = -(-h // g) * g, -(-w // g) * g
            larger = x.new_zeros(b, c + 1, down, across)
            larger[:, :c, :h, :w] = x
            larger[:, c, :h, :w] = 1
            windows = partition(larger, g)
            return windows[..., :c].contiguous(), windows[..., c] == 1
        """,
    "partition_any: real by comparing row and column numbers": """
        def partition_any(x, g):
            b, c, h, w = x.shape
            down, right = (g - h % g) % g, (g - w % g) % g
            x1 = partition(F.pad(x, (0, right, 0, down)), g)
            inside = (torch.arange(h + down)[:, None] < h) & (torch.arange(w + right) < w)
            real = partition(inside.view(1, 1, h + down, w + right), g)[..., 0]
            return x1, real.repeat(b, 1)
        """,
    "partition_any: ones in float32": """
        def partition_any(x, g):
            pad = (0, -x.shape[3] % g, 0, -x.shape[2] % g)
            ones = F.pad(torch.ones(len(x), 1, *x.shape[2:]), pad)
            return partition(F.pad(x, pad), g), partition(ones, g).squeeze(-1).bool()
        """,
    "local_qkv: view and transpose": """
        def local_qkv(x1, wq, wk, wv, heads):
            return [f(x1).view(*x1.shape[:2], heads, -1).transpose(1, 2) for f in (wq, wk, wv)]
        """,
    "window_attention: where": """
        def window_attention(q1, k1, v1, real):
            scores = torch.einsum("whnd,whmd->whnm", q1, k1) / q1.shape[-1] ** 0.5
            p1 = torch.where(real[:, None, None], scores, float("-inf")).softmax(-1)
            return torch.einsum("whnm,whmd->whnd", p1, v1), p1
        """,
    "window_attention: a mask that is added, and torch's own for the output": """
        def window_attention(q1, k1, v1, real):
            hidden = torch.zeros(real.shape).masked_fill(~real, -1e9)[:, None, None]
            p1 = (q1 @ k1.mT * q1.shape[-1] ** -0.5 + hidden).softmax(-1)
            return F.scaled_dot_product_attention(q1, k1, v1, attn_mask=real[:, None, None]), p1
        """,
    "window_attention: scores changed in place": """
        def window_attention(q1, k1, v1, real):
            scores = q1 @ k1.transpose(2, 3)
            scores /= q1.shape[-1] ** 0.5
            scores[(~real)[:, None, None].expand_as(scores)] = torch.finfo(scores.dtype).min
            p1 = torch.softmax(scores, -1)
            return p1 @ v1, p1
        """,
    "window_attention: window by window": """
        def window_attention(q1, k1, v1, real):
            p1 = q1.new_zeros(*q1.shape[:3], k1.shape[2])
            for n in range(len(q1)):
                p1[n][..., real[n]] = (q1[n] @ k1[n][:, real[n]].mT / q1.shape[-1] ** 0.5).softmax(-1)
            return p1 @ v1, p1
        """,
    "merge: permute and reshape": """
        def merge(a1, g, h, w):
            gh, gw = (h + g - 1) // g, (w + g - 1) // g
            heads, d = a1.shape[1], a1.shape[3]
            a = a1.reshape(-1, gh, gw, heads, g, g, d).permute(0, 3, 6, 1, 4, 2, 5)
            return a.reshape(len(a), heads * d, gh * g, gw * g)[..., :h, :w]
        """,
    "merge: a loop into a buffer like a1": """
        def merge(a1, g, h, w):
            gh, gw = -(-h // g), -(-w // g)
            rows = a1.transpose(1, 2).flatten(2)
            out = a1.new_zeros(len(a1) // (gh * gw), rows.shape[2], h, w)
            for y in range(h):
                for x in range(w):
                    out[:, :, y, x] = rows[y // g * gw + x // g :: gh * gw, y % g * g + x % g]
            return out
        """,
    "local_attention: one after the other": """
        def local_attention(x, wq, wk, wv, heads, g):
            windows, real = partition_any(x, g)
            a, p = window_attention(*local_qkv(windows, wq, wk, wv, heads), real)
            out = merge(a, g, x.shape[2], x.shape[3])
            out += x
            return out
        """,
    "local_attention: window by window, without padding": """
        def local_attention(x, wq, wk, wv, heads, g):
            out = x.clone()
            for y in range(0, x.shape[2], g):
                for z in range(0, x.shape[3], g):
                    part = x[:, :, y : y + g, z : z + g]
                    q, k, v = local_qkv(part.flatten(2).mT, wq, wk, wv, heads)
                    a = F.scaled_dot_product_attention(q, k, v)
                    out[:, :, y : y + g, z : z + g] += a.transpose(1, 2).flatten(2).mT.reshape(part.shape)
            return out
        """,
    "shifted_attention: roll, and hide what the roll brought together": """
        def shifted_attention(x, wq, wk, wv, heads, g, shift):
            b, c, h, w = x.shape
            pad = (0, -w % g + g, 0, -h % g + g)
            larger = F.pad(x, pad)
            down, across = larger.shape[2:]
            row = torch.div(torch.arange(down) - shift, g, rounding_mode="floor").view(1, 1, -1, 1)
            column = torch.div(torch.arange(across) - shift, g, rounding_mode="floor").view(1, 1, 1, -1)
            of = (row + 1) * 1000 + column + 1
            of = of.clone()
            of[:, :, h:] = -1
            of[:, :, :, w:] = -1
            back = (-shift, -shift)
            regions = partition(of.roll(back, (2, 3)), g)[..., 0]
            q, k, v = local_qkv(partition(larger.roll(back, (2, 3)), g), wq, wk, wv, heads)
            mask = (regions[:, :, None] == regions[:, None]).repeat(b, 1, 1)[:, None]
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            return merge(a, g, down, across).roll((shift, shift), (2, 3))[:, :, :h, :w] + x
        """,
    "shifted_attention: plain attention with a mask of all pairs": """
        def shifted_attention(x, wq, wk, wv, heads, g, shift):
            b, c, h, w = x.shape
            y, z = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
            of = ((y - shift) // g * 1000 + (z - shift) // g).flatten()
            q, k, v = local_qkv(x.flatten(2).mT, wq, wk, wv, heads)
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=of[:, None] == of)
            return a.transpose(1, 2).flatten(2).mT.reshape(x.shape) + x
        """,
}
ATTEND = "torch.softmax(q1 @ k1.mT / q1.shape[-1] ** 0.5, -1)"
WRONG = {
    "a list of the map's rows, cut into pieces of g * g": """
        def partition(x, g):
            return rearrange(x, "b c h w -> b (h w) c").reshape(-1, g * g, x.shape[1])
        """,
    "a reshape does not move tokens": "def partition(x, g): return x.reshape(-1, g * g, x.shape[1])",
    "the channels must be the last axis": 'def partition(x, g): return rearrange(x, "b c (y i) (z j) -> (b y z) c (i j)", i=g, j=g)',
    "partition is right in float32, but its result is float32": """
        def partition(x, g):
            b, c, h, w = x.shape
            out = torch.zeros(b * h * w // g**2, g * g, c)
            out[:] = rearrange(x, "b c (y i) (z j) -> (b y z) (i j) c", i=g, j=g)
            return out
        """,
    "a token of the map may be zero: ask where it lies, not what it holds (cut a map of ones)": """
        def partition_any(x, g):
            x1 = partition(F.pad(x, (0, -x.shape[3] % g, 0, -x.shape[2] % g)), g)
            return x1, (x1 != 0).any(-1)
        """,
    "you pad on all four sides": """
        def partition_any(x, g):
            down, right = -x.shape[2] % g, -x.shape[3] % g
            pad = (right // 2, right - right // 2, down // 2, down - down // 2)
            return partition(F.pad(x, pad), g), partition(F.pad(torch.ones_like(x[:, :1]), pad), g)[..., 0] > 0
        """,
    "the rows and columns that do not fill a window are dropped": """
        def partition_any(x, g):
            x1 = partition(x[:, :, : x.shape[2] // g * g, : x.shape[3] // g * g], g)
            return x1, torch.ones(x1.shape[:2], dtype=torch.bool)
        """,
    "real says that every token is real": """
        def partition_any(x, g):
            x1 = partition(F.pad(x, (0, -x.shape[3] % g, 0, -x.shape[2] % g)), g)
            return x1, torch.ones(x1.shape[:2], dtype=torch.bool)
        """,
    "real still has a channel axis": """
        def partition_any(x, g):
            pad = (0, -x.shape[3] % g, 0, -x.shape[2] % g)
            return partition(F.pad(x, pad), g), partition(F.pad(torch.ones_like(x[:, :1]), pad), g) > 0
        """,
    "`.view(windows, heads, n, d)` cuts the tokens of Q1 apart": """
        def local_qkv(x1, wq, wk, wv, heads):
            return [f(x1).view(len(x1), heads, x1.shape[1], -1) for f in (wq, wk, wv)]
        """,
    "K1: the layer's bias is missing": """
        def local_qkv(x1, wq, wk, wv, heads):
            made = wq(x1), x1 @ wk.weight.T, wv(x1)
            return [rearrange(t, "b n (h d) -> b h n d", h=heads) for t in made]
        """,
    "the padding still gets weight: a hidden key needs a score of -inf": """
        def window_attention(q1, k1, v1, real):
            p1 = (q1 @ k1.mT / q1.shape[-1] ** 0.5).masked_fill(~real[:, None, None], -100).softmax(-1)
            return p1 @ v1, p1
        """,
    "the padding must lose its weight before the softmax": f"""
        def window_attention(q1, k1, v1, real):
            p1 = {ATTEND} * real[:, None, None]
            return p1 @ v1, p1
        """,
    "q1 is not what it was": """
        def window_attention(q1, k1, v1, real):
            q1 *= q1.shape[-1] ** -0.5
            p1 = (q1 @ k1.mT).masked_fill(~real[:, None, None], -torch.inf).softmax(-1)
            return p1 @ v1, p1
        """,
    "some weights are nan: exp of a large score is inf in float32, and that of a very low one is 0": """
        def window_attention(q1, k1, v1, real):
            powers = (q1 @ k1.mT / q1.shape[-1] ** 0.5).exp() * real[:, None, None]
            p1 = powers / powers.sum(-1, keepdim=True)
            return p1 @ v1, p1
        """,
    "the two results are swapped": """
        def window_attention(q1, k1, v1, real):
            p1 = (q1 @ k1.mT / q1.shape[-1] ** 0.5).masked_fill(~real[:, None, None], -torch.inf).softmax(-1)
            return p1, p1 @ v1
        """,
    "the scale is 1/sqrt(d), not 1/d": """
        def window_attention(q1, k1, v1, real):
            p1 = (q1 @ k1.mT / q1.shape[-1]).masked_fill(~real[:, None, None], -torch.inf).softmax(-1)
            return p1 @ v1, p1
        """,
    "the merge order is wrong: (b gh gw), not (b gw gh)": """
        def merge(a1, g, h, w):
            gh, gw = -(-h // g), -(-w // g)
            pattern = "(b gw gh) heads (i j) d -> b (heads d) (gh i) (gw j)"
            return rearrange(a1, pattern, gh=gh, gw=gw, i=g, j=g)[:, :, :h, :w]
        """,
    "put heads beside d, n heads d": """
        def merge(a1, g, h, w):
            rows = a1.reshape(len(a1), g * g, -1)
            pattern = "(b gh gw) (i j) c -> b c (gh i) (gw j)"
            return rearrange(rows, pattern, gh=-(-h // g), gw=-(-w // g), i=g, j=g)[:, :, :h, :w]
        """,
    "the tokens of a window are laid out column by column": """
        def merge(a1, g, h, w):
            pattern = "(b gh gw) heads (j i) d -> b (heads d) (gh i) (gw j)"
            return rearrange(a1, pattern, gh=-(-h // g), gw=-(-w // g), i=g, j=g)[:, :, :h, :w]
        """,
    "the channels come last": """
        def merge(a1, g, h, w):
            pattern = "(b gh gw) heads (i j) d -> b (gh i) (gw j) (heads d)"
            return rearrange(a1, pattern, gh=-(-h // g), gw=-(-w // g), i=g, j=g)[:, :h, :w]
        """,
    "local_attention changed what it was given": """
        def local_attention(x, wq, wk, wv, heads, g):
            x1, real = partition_any(x, g)
            x += merge(window_attention(*local_qkv(x1, wq, wk, wv, heads), real)[0], g, *x.shape[2:])
            return x
        """,
    "a token of the map may be zero: ask where it lies, not what it holds, to find the padding": """
        def local_attention(x, wq, wk, wv, heads, g):
            x1, _ = partition_any(x, g)
            a1, _ = window_attention(*local_qkv(x1, wq, wk, wv, heads), (x1 != 0).any(-1))
            return merge(a1, g, *x.shape[2:]) + x
        """,
    "your windows are not shifted": """
        def shifted_attention(x, wq, wk, wv, heads, g, shift):
            return local_attention(x, wq, wk, wv, heads, g)
        """,
    "your windows are shifted down, but not across": """
        def shifted_attention(x, wq, wk, wv, heads, g, shift):
            h, w = x.shape[-2:]
            before = -shift % g
            pad = (0, -w % g, before, -(h + before) % g)
            real = partition(F.pad(torch.ones_like(x[:, :1]), pad), g)[..., 0] > 0
            a, _ = window_attention(*local_qkv(partition(F.pad(x, pad), g), wq, wk, wv, heads), real)
            return merge(a, g, h + before, w)[:, :, before:] + x
        """,
    "tokens of opposite edges read each other": """
        def shifted_attention(x, wq, wk, wv, heads, g, shift):
            rolled = x.roll((-shift, -shift), (2, 3))
            return local_attention(rolled, wq, wk, wv, heads, g).roll((shift, shift), (2, 3))
        """,
}


class TestLocalAttention(Variants):
    checks = local_attention
    right = RIGHT
    wrong = WRONG
    mistakes = (
        ("partition", "(gh i) (gw j)", "(i gh) (j gw)", "your windows are dilated: (gh i), not (i gh)"),
        ("partition", "(b gh gw)", "(gh gw b)", "images vary fastest"),
        ("partition", "(b gh gw)", "(b gw gh)", "your windows are counted column by column"),
        ("partition", "-> (b gh gw) (i j) c", "-> (b gh gw) (j i) c", "tokens of a window are counted column by column"),
        ("partition", "i=g, j=g", "gh=g, gw=g", "you cut the map into g x g windows"),
        ("partition_any", "(0, -w % g, 0, -h % g)", "(-w % g, 0, -h % g, 0)", "pad at the bottom and right"),
        ("partition_any", "-w % g, 0, -h % g", "g - w % g, 0, g - h % g", "a map that fits needs no padding"),
        ("partition_any", "> 0", "< 1", "real is the wrong way round"),
        ("partition_any", "x.new_ones(b,", "x.new_ones(1,", "real has one image's windows"),
        ("local_qkv", "(heads d) ->", "(d heads) ->", "the heads of Q1 share channels"),
        ("window_attention", " * q1.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
        (
            "window_attention",
            "~real[:, None, None, :]",
            "~real[:, None, :, None]",
            "Hide the keys that are not real (~real), and no queries",
        ),
        ("window_attention", "~real[", "real[", "all their keys are hidden"),
        ("window_attention", "-torch.inf", "0", "hidden keys need -inf"),
        ("window_attention", "scores.masked_fill(~real[:, None, None, :], -torch.inf)", "scores", "the padding gets weight"),
        ("window_attention", "scores.softmax(dim=-1)", "scores.softmax(dim=-2)", "softmax over the wrong axis"),
        ("merge", "(gh i) (gw j)", "(i gh) (j gw)", "the merge order is wrong: (gh i)"),
        ("merge", "b (heads d)", "b (d heads)", "channels are merged in the wrong order"),
        ("merge", "[:, :, :h, :w]", "", "the padding is still there"),
        ("merge", "[:, :, :h, :w]", "[:, :, -h:, -w:]", "you keep the bottom right"),
        ("shifted_attention", "before = -shift % g", "before = shift", "shifted the wrong way"),
        ("shifted_attention", " + x\n", "\n", "the residual is missing: + X"),
        ("local_attention", " + x", "", "the residual is missing"),
        ("local_attention", "window_attention(q1, k1, v1, real)", "window_attention(q1, k1, v1, real | True)", "pass `real` on"),
        ("merge", "[:, :, :h, :w]", ".flatten(2)", "has shape"),
        ("partition_any", " > 0", "", "real is float32; wanted bool (compare with 0"),
    )
