"""The checks of notebook 4, joining them: right answers in several styles, and the mistakes that each check must name."""

from tests.tutorials.notebook_checks import Variants
from tutorials.machinery.checks import joining

ATTEND = "torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1) @ v"

RIGHT = {
    "near: a loop over windows that fills a buffer": """
        def near(x, wq, wk, wv, heads, g):
            b, c, h, w = x.shape
            out = x.new_zeros(b, c, h, w)
            for top in range(0, h, g):
                for left in range(0, w, g):
                    tokens = x[:, :, top : top + g, left : left + g]
                    rows = tokens.flatten(2).transpose(1, 2)
                    q, k, v = (f(rows).view(b, -1, heads, c // heads).transpose(1, 2) for f in (wq, wk, wv))
                    q = q / (c // heads) ** 0.5
                    a = ((q @ k.mT).softmax(-1) @ v).transpose(1, 2).reshape(b, -1, c)
                    out[:, :, top : top + g, left : left + g] = a.transpose(1, 2).reshape(tokens.shape)
            return out
        """,
    "near: views, permutations and torch's own attention": """
        def near(x, wq, wk, wv, heads, g):
            b, c, h, w = x.shape
            down, right = (g - h % g) % g, (g - w % g) % g
            def cut(t):
                t = F.pad(t, (0, right, 0, down))
                t = t.view(b, t.shape[1], (h + down) // g, g, (w + right) // g, g)
                return t.permute(0, 2, 4, 3, 5, 1).reshape(-1, g * g, t.shape[1])
            rows, real = cut(x), cut(torch.ones_like(x[:, :1]))[:, :, 0].bool()
            q, k, v = (f(rows).view(len(rows), g * g, heads, -1).permute(0, 2, 1, 3) for f in (wq, wk, wv))
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=real[:, None, None])
            a = a.permute(0, 2, 1, 3).reshape(b, (h + down) // g, (w + right) // g, g, g, c)
            return a.permute(0, 5, 1, 3, 2, 4).reshape(b, c, h + down, w + right)[..., :h, :w]
        """,
    "near: scores scaled in place, a very low score for the padding": """
        def near(x, wq, wk, wv, heads, g):
            b, c, h, w = x.shape
            pad = (0, -w % g, 0, -h % g)
            cut = lambda t: rearrange(F.pad(t, pad), "b c (y i) (z j) -> (b y z) (i j) c", i=g, j=g)
            real = cut(torch.ones(b, 1, h, w))[..., 0] == 1
            q, k, v = (rearrange(f(cut(x)), "b n (a d) -> b a n d", a=heads) for f in (wq, wk, wv))
            q /= q.shape[-1] ** 0.5
            scores = torch.einsum("bhnd,bhmd->bhnm", q, k)
            scores[~real[:, None, None].expand_as(scores)] = torch.finfo(scores.dtype).min
            a = scores.softmax(-1) @ v
            a = rearrange(a, "(b y z) a (i j) d -> b (a d) (y i) (z j)", b=b, y=-(-h // g), i=g)
            return a[:, :, :h, :w]
        """,
    "read_cells: flatten and transpose": f"""
        def read_cells(a1, cells, wq, wk, wv, heads):
            b, c, h, w = a1.shape
            q, k, v = (
                f(t.flatten(2).transpose(1, 2)).view(b, -1, heads, c // heads).transpose(1, 2)
                for f, t in ((wq, a1), (wk, cells), (wv, cells))
            )
            return ({ATTEND}).transpose(1, 2).reshape(b, h * w, c).transpose(1, 2).reshape(b, c, h, w)
        """,
    "read_cells: head by head, from the weights": """
        def read_cells(a1, cells, wq, wk, wv, heads):
            outs, (h, w), d = [], a1.shape[-2:], a1.shape[1] // heads
            t, s = a1.flatten(2).mT, cells.flatten(2).mT
            q, k, v = t @ wq.weight.T + wq.bias, s @ wk.weight.T + wk.bias, s @ wv.weight.T + wv.bias
            for head in range(heads):
                part = slice(head * d, (head + 1) * d)
                p = torch.softmax(q[..., part] @ k[..., part].mT / d**0.5, -1)
                outs.append(p @ v[..., part])
            return torch.cat(outs, -1).mT.unflatten(2, (h, w))
        """,
    "output: a 1 x 1 convolution with the layer's weights": """
        def output(a1, a2, wp, x):
            return F.conv2d(a1 + a2, wp.weight[:, :, None, None], wp.bias) + x
        """,
    "output: permute": """
        def output(a1, a2, wp, x):
            return x + wp((a1 + a2).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        """,
    "output: token by token": """
        def output(a1, a2, wp, x):
            out = x.clone()
            for y in range(x.shape[2]):
                for z in range(x.shape[3]):
                    out[:, :, y, z] += wp(a1[:, :, y, z] + a2[:, :, y, z])
            return out
        """,
    "group_norm: torch's own": """
        def group_norm(x, weight, bias):
            return F.group_norm(x, 1, weight, bias, eps=1e-6)
        """,
    "group_norm: as a layer norm over whole images": """
        def group_norm(x, weight, bias):
            return F.layer_norm(x, x.shape[1:], eps=1e-6) * weight.view(1, -1, 1, 1) + bias.view(1, -1, 1, 1)
        """,
    "group_norm: image by image, flattened": """
        def group_norm(x, weight, bias):
            flat = x.flatten(1)
            var, mean = torch.var_mean(flat, 1, correction=0, keepdim=True)
            normal = ((flat - mean) * torch.rsqrt(var + 1e-6)).view_as(x)
            return (normal.permute(0, 2, 3, 1) * weight + bias).permute(0, 3, 1, 2)
        """,
    "group_norm: the mean of the squares less the square of the mean": """
        def group_norm(x, weight, bias):
            mean = x.mean((1, 2, 3), keepdim=True)
            var = (x**2).mean((1, 2, 3), keepdim=True) - mean**2
            return weight[:, None, None] * (x - mean) / (var + 1e-6) ** 0.5 + bias[:, None, None]
        """,
    "hmhsa: step by step": """
        def hmhsa(x, parts, g1, g2):
            normed = parts.norm(x)
            a1 = near(normed, parts.wq1, parts.wk1, parts.wv1, parts.heads, g1) + x
            a1 = parts.grid_norm(a1)
            a2 = read_cells(a1, parts.ds_norm(pool(a1, g2)), parts.wq2, parts.wk2, parts.wv2, parts.heads)
            return output(a1, a2, parts.wp, torch.zeros_like(x))
        """,
    "hmhsa: the paper's line less X": """
        def hmhsa(x, parts, g1, g2):
            a1 = parts.grid_norm(x + near(parts.norm(x), parts.wq1, parts.wk1, parts.wv1, parts.heads, g1))
            a2 = read_cells(a1, parts.ds_norm(pool(a1, g2)), parts.wq2, parts.wk2, parts.wv2, parts.heads)
            return output(a1, a2, parts.wp, x) - x
        """,
    "block: in one line": """
        def block(x, attention, mlp):
            return x + attention(x) + mlp(x + attention(x))
        """,
    "block: with names": """
        def block(x, attention, mlp):
            y = attention(x) + x
            z = mlp(y)
            z += y
            return z
        """,
    "silu: x / (1 + e^-x)": """
        def silu(x):
            return x / (1 + torch.exp(-x))
        """,
    "silu: by tanh": """
        def silu(x):
            return x * 0.5 * (1 + torch.tanh(0.5 * x))
        """,
    "silu: e^x clamped": """
        def silu(x):
            e = x.clamp(max=50).exp()
            return torch.where(x > 50, x, x * e / (1 + e))
        """,
    "depthwise: a padded buffer, and a loop over tokens": """
        def depthwise(x, kernels):
            b, c, h, w = x.shape
            k = kernels.shape[-1]
            padded = x.new_zeros(b, c, h + k - 1, w + k - 1)
            padded[:, :, k // 2 : k // 2 + h, k // 2 : k // 2 + w] = x
            out = torch.empty_like(x)
            for y in range(h):
                for z in range(w):
                    out[:, :, y, z] = (padded[:, :, y : y + k, z : z + k] * kernels).sum((2, 3))
            return out
        """,
    "depthwise: unfold": """
        def depthwise(x, kernels):
            k = kernels.shape[-1]
            patches = F.pad(x, [k // 2] * 4).unfold(2, k, 1).unfold(3, k, 1)
            return torch.einsum("bchwij,cij->bchw", patches, kernels)
        """,
    "mlp: linear layers and permutations": """
        def mlp(x, parts):
            x = F.linear(parts.norm(x).movedim(1, -1), parts.expand.weight)
            x = silu(x).movedim(-1, 1)
            x = silu(depthwise(x, parts.kernels)).movedim(1, -1) @ parts.reduce.weight.T
            return parts.out_norm(x.movedim(-1, 1))
        """,
}

# Whole functions that are wrong: what the check says -> the answer.
WRONG = {
    "near changed what it was given": """
        def near(x, wq, wk, wv, heads, g):
            x -= x.mean()
            return x
        """,
    "near is right in float32, but its result is float32 if x is float64": """
        def near(x, wq, wk, wv, heads, g):
            b, c, h, w = x.shape
            out = torch.zeros(b, c, h, w)
            for top in range(0, h, g):
                for left in range(0, w, g):
                    tokens = x[:, :, top : top + g, left : left + g]
                    rows = tokens.flatten(2).mT
                    q, k, v = (rearrange(f(rows), "b n (a d) -> b a n d", a=heads) for f in (wq, wk, wv))
                    a = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v
                    out[:, :, top : top + g, left : left + g] = rearrange(a, "b a (i j) d -> b (a d) i j", i=tokens.shape[2])
            return out
        """,
    "the variance gets + 1e-6; yours gets 1e-5 (the default of many norms)": """
        def group_norm(x, weight, bias):
            return F.group_norm(x, 1, weight, bias)
        """,
    "a map whose numbers are all alike gives nan": """
        def group_norm(x, weight, bias):
            eps = 1e-6 if x.std() > 0 else 0
            normal = (x - x.mean((1, 2, 3), keepdim=True)) / (x.var((1, 2, 3), keepdim=True, unbiased=False) + eps).sqrt()
            return normal * weight[:, None, None] + bias[:, None, None]
        """,
    "output changed what it was given": """
        def output(a1, a2, wp, x):
            a1 += a2
            return rearrange(wp(rearrange(a1, "b c h w -> b h w c")), "b h w c -> b c h w") + x
        """,
    "block changed what it was given": """
        def block(x, attention, mlp):
            x += attention(x)
            x += mlp(x)
            return x
        """,
    "both residuals are missing": """
        def block(x, attention, mlp):
            return mlp(attention(x))
        """,
    "X is added twice": """
        def block(x, attention, mlp):
            y = x + attention(x)
            return x + y + mlp(y)
        """,
    "numbers like 100 or 1000 give nan": """
        def silu(x):
            return x * torch.exp(x) / (1 + torch.exp(x))
        """,
    "silu changed what it was given": """
        def silu(x):
            x *= torch.sigmoid(x)
            return x
        """,
    "the map is not a ring": """
        def depthwise(x, kernels):
            k = kernels.shape[-1]
            shifts = [(i, j) for i in range(k) for j in range(k)]
            return sum(x.roll((k // 2 - i, k // 2 - j), (2, 3)) * kernels[:, i, j, None, None] for i, j in shifts)
        """,
    "the map has shrunk": """
        def depthwise(x, kernels):
            return F.conv2d(x, kernels[:, None], groups=len(kernels))
        """,
    "depthwise is right in float32, but its result is float32 if x is float64": """
        def depthwise(x, kernels):
            k, (h, w) = kernels.shape[-1], x.shape[-2:]
            out, padded = torch.zeros(x.shape), F.pad(x, [k // 2] * 4)
            for i in range(k):
                for j in range(k):
                    out += padded[:, :, i : i + h, j : j + w] * kernels[:, i, j, None, None]
            return out
        """,
    "hmhsa changed what it was given": """
        def hmhsa(x, parts, g1, g2):
            local = near(parts.norm(x), parts.wq1, parts.wk1, parts.wv1, parts.heads, g1)
            x += local
            a1 = parts.grid_norm(x)
            a2 = read_cells(a1, parts.ds_norm(pool(a1, g2)), parts.wq2, parts.wk2, parts.wv2, parts.heads)
            return output(a1, a2, parts.wp, 0)
        """,
}

Q = 'rearrange(layer(x1), "b n (heads d) -> b heads n d", heads=heads)'
R = '"b n (heads d) -> b heads n d"'
MASK = "scores.masked_fill(~real[:, None, None, :], -torch.inf)"
MERGED = 'rearrange(mixed, "b h w c -> b c h w")'


class TestJoining(Variants):
    checks = joining
    mistakes = (
        ("near", MASK, "scores", "the padding of windows at the edge gets weight"),
        ("near", "-torch.inf", "-100", "a hidden key needs a score of -inf, not one that is merely low"),
        ("near", "real = rearrange(ones, to_windows, i=g, j=g)[..., 0] > 0", "real = (x1 != 0).any(-1)", "a token of the map may be zero"),
        ("near", " * q.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
        ("near", "q.shape[-1] ** -0.5", "x.shape[1] ** -0.5", "not by sqrt(c)"),
        ("near", "q.shape[-1] ** -0.5", "q.shape[-1] ** -1", "not by d"),
        ("near", "softmax(dim=-1)", "softmax(dim=-2)", "softmax goes over the keys|nan"),
        ("near", Q, "layer(x1).view(len(x1), heads, g * g, -1)", "a view does not move axes"),
        ("near", "(heads d)", "(d heads)", "head 1 has the first d channels"),
        ("near", "(gh i) (gw j)", "(i gh) (j gw)", "your windows are dilated"),
        ("near", "(b gh gw) heads", "(b gw gh) heads", "in another order than they were cut"),
        ("near", "(0, -w % g, 0, -h % g)", "(-w % g, 0, -h % g, 0)", "you pad at the top and left"),
        ("near", "layer(x1)", "x1 @ layer.weight.T", "a layer's bias is missing"),
        ("near", "layer(x1)", "x1 @ layer.weight + layer.bias", "stored as [out, in]"),
        ("near", "[:, :, :h, :w]", "[:, :, :h, :w] + x", "leave out the residual here"),
        ("near", "[:, :, :h, :w]", "", "the local result has shape"),
        ("near", "(wq, wk, wv)", "(wk, wq, wv)", "the three layers are mixed up"),
        ("read_cells", "(wk, cells), (wv, cells)", "(wk, a1), (wv, a1)", "K and V must come from the pooled map"),
        ("read_cells", "(wq, a1), (wk, cells)", "(wq, a1), (wq, cells)", "the keys come from the second layer"),
        ("read_cells", " * q.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
        ("read_cells", "q.shape[-1] ** -0.5", "a1.shape[1] ** -0.5", "not by sqrt(c)"),
        ("read_cells", "softmax(dim=-1)", "softmax(dim=-2)", "softmax goes over the keys"),
        ("read_cells", '"b heads (h w) d -> b (heads d) h w"', '"b heads (w h) d -> b (heads d) h w"', "filled column by column"),
        ("read_cells", "b (heads d) h w", "b (d heads) h w", "merge the heads as they were split"),
        ("read_cells", "h=h, w=w)", "h=h, w=w) + a1", "leave out the residual here"),
        ("output", " + x\n", "\n", "the residual is missing"),
        ("output", "a1 + a2", "a2", "the local result is missing"),
        ("output", "a1 + a2", "a1", "the global result is missing"),
        ("output", "a1 + a2", "a1 + a2 + x", "X is added twice"),
        ("output", MERGED, "mixed.reshape(x.shape)", "a view does not move axes"),
        ("output", MERGED + " + x", MERGED + " + a1", "the residual is X"),
        ("output", "wp(rearrange", "(rearrange", "Wp is missing"),
        (
            "output",
            'wp(rearrange(a1 + a2, "b c h w -> b h w c"))',
            'rearrange(a1 + a2, "b c h w -> b h w c") @ wp.weight + wp.bias',
            "stored as [out, in]",
        ),
        ("output", 'wp(rearrange(a1 + a2, "b c h w -> b h w c"))', 'rearrange(a1 + a2, "b c h w -> b h w c") @ wp.weight.T', "bias of Wp"),
        ("group_norm", "axes = (1, 2, 3)", "axes = (1,)", "layer norm"),
        ("group_norm", "axes = (1, 2, 3)", "axes = (2, 3)", "instance norm"),
        ("group_norm", "axes = (1, 2, 3)", "axes = (0, 2, 3)", "batch norm"),
        ("group_norm", "axes = (1, 2, 3)", "axes = (0, 1, 2, 3)", "your images share one mean"),
        ("group_norm", "1e-6", "1e-5", "yours gets 1e-5"),
        ("group_norm", "(variance + 1e-6).sqrt()", "(variance.sqrt() + 1e-6)", "you add it to the standard deviation"),
        ("group_norm", "(variance + 1e-6).sqrt()", "(variance + 1e-6)", "not by the variance"),
        ("group_norm", " + 1e-6", "", "the 1e-6 is missing under the root"),
        ("group_norm", "centred.square().mean(axes, keepdim=True)", "x.var(axes, keepdim=True)", "not by N - 1"),
        ("group_norm", "return centred", "return x", "the mean is missing"),
        ("group_norm", " + bias[:, None, None]", "", "the bias is missing"),
        ("group_norm", " * weight[:, None, None]", "", "the weight is missing"),
        ("group_norm", "x, weight, bias):", "x, bias, weight):", "weight and bias are mixed up"),
        ("hmhsa", "local + x", "local + parts.norm(x)", "Eq. 9 adds X as it came in; you add norm(X)"),
        ("hmhsa", "parts.grid_norm(local + x)", "local + x", "grid_norm is missing"),
        ("hmhsa", "parts.grid_norm(local + x)", "parts.grid_norm(local) + x", "grid_norm comes after the residual"),
        ("hmhsa", "parts.ds_norm(pool(a1, g2))", "pool(a1, g2)", "ds_norm is missing"),
        ("hmhsa", "parts.ds_norm(pool(a1, g2))", "pool(parts.ds_norm(a1), g2)", "you normalise first and pool then"),
        ("hmhsa", "pool(a1, g2)", "pool(local + x, g2)", "you pool the sum before it"),
        ("hmhsa", "read_cells(a1,", "read_cells(local + x,", "yours come from the sum before it"),
        ("hmhsa", "output(a1,", "output(local + x,", "you add the sum before it"),
        ("hmhsa", "near(parts.norm(x)", "near(x", "cut the windows from norm(X), not from X"),
        ("hmhsa", "parts.wq2, parts.wk2, parts.wv2", "parts.wq1, parts.wk1, parts.wv1", "layers of its own"),
        ("hmhsa", "x, parts, g1, g2", "x, parts, g2, g1", "you swapped them"),
        ("hmhsa", "local + x", "local", "the residual of Eq. 9 is missing"),
        ("hmhsa", "parts.wp, 0)", "parts.wp, x)", 'leave out the "+ X"'),
        ("block", "x = x + attention(x)", "x = attention(x)", "the first residual is missing"),
        ("block", "return x + mlp(x)", "return mlp(x)", "the second residual is missing"),
        ("block", "x = x + attention(x)\n    return x + mlp(x)", "return x + mlp(x + attention(x))", "what the MLP has read, not X"),
        ("block", "x = x + attention(x)\n    return x + mlp(x)", "return x + attention(x) + mlp(x)", "the MLP reads the sum"),
        ("block", "x = x + attention(x)\n    return x + mlp(x)", "x = x + mlp(x)\n    return x + attention(x)", "attention comes first"),
        ("silu", "x * torch.sigmoid(x)", "torch.sigmoid(x)", "that is the gate"),
        ("silu", "x * torch.sigmoid(x)", "F.relu(x)", "that is ReLU"),
        ("silu", "x * torch.sigmoid(x)", "F.gelu(x)", "that is GELU: "),
        ("silu", "x * torch.sigmoid(x)", 'F.gelu(x, approximate="tanh")', "that is GELU (in its tanh form)"),
        ("silu", "torch.sigmoid(x)", "torch.sigmoid(-x)", "not sigmoid(-x)"),
        ("silu", "torch.sigmoid(x)", "torch.tanh(x)", "yours is tanh"),
        ("depthwise", "kernels[:, i, j", "kernels[:, -1 - i, -1 - j", "turned by 180 degrees"),
        ("depthwise", "kernels[:, i, j", "kernels[:, j, i", "rows and columns of the kernel are swapped"),
        ("depthwise", "F.pad(x, [k // 2] * 4)", 'F.pad(x, [k // 2] * 4, mode="replicate")', "not copies of the tokens at the edge"),
        ("depthwise", "[k // 2] * 4", "[0, k - 1, 0, k - 1]", "the kernel's centre lies on the token"),
        ("depthwise", "kernels[:, i, j, None, None]", "kernels[0, i, j]", "yours all use the first"),
        ("depthwise", "kernels[:, i, j, None, None]", "1", "each has a weight of its own"),
        ("mlp", "parts.norm(x)", "x", "the norm at the beginning is missing"),
        ("mlp", "silu(parts.expand(x))", "parts.expand(x)", "one after expand, too"),
        ("mlp", "silu(depthwise(x, parts.kernels))", "depthwise(x, parts.kernels)", "after the depthwise convolution, too"),
        ("mlp", "silu(depthwise(x, parts.kernels))", "x", "the depthwise convolution is missing"),
        (
            "mlp",
            'parts.out_norm(rearrange(parts.reduce(x), "b h w c -> b c h w"))',
            'rearrange(parts.reduce(x), "b h w c -> b c h w")',
            "out_norm",
        ),
        ("mlp", "parts.reduce(x)", "silu(parts.reduce(x))", "no SiLU follows reduce"),
    )
    right = RIGHT
    wrong = WRONG
