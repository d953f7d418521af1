"""The checks of notebook 1, from pixels to tokens: right answers in several styles, and the mistakes that each check must name."""

from tests.tutorials.notebook_checks import Variants
from tutorials.machinery.checks import tokens_and_attention

RIGHT = {
    "rows: flatten and transpose": """
        def rows(x):
            return x.flatten(2).transpose(1, 2)
        """,
    "rows: permute and reshape": """
        def rows(x):
            b, c, h, w = x.shape
            return x.permute(0, 2, 3, 1).reshape(b, h * w, c)
        """,
    "rows: einsum and view": """
        def rows(x):
            return torch.einsum("bchw->bhwc", x).contiguous().view(x.shape[0], -1, x.shape[1])
        """,
    "rows: a loop into a buffer like x": """
        def rows(x):
            b, c, h, w = x.shape
            out = x.new_zeros(b, h * w, c)
            for row in range(h):
                for column in range(w):
                    out[:, row * w + column] = x[:, :, row, column]
            return out
        """,
    "rows: a list of tokens, stacked": """
        def rows(x):
            return torch.stack([x[:, :, n // x.shape[3], n % x.shape[3]] for n in range(x.shape[2] * x.shape[3])], 1)
        """,
    "qkv: view, then swap": """
        def qkv(rows, wq, wk, wv, heads):
            b, n, c = rows.shape
            return [f(rows).view(b, n, heads, c // heads).transpose(1, 2) for f in (wq, wk, wv)]
        """,
    "qkv: head by head, from weight and bias, stacked in one tensor": """
        def qkv(rows, wq, wk, wv, heads):
            made = []
            for layer in (wq, wk, wv):
                all_heads = rows @ layer.weight.T + layer.bias
                made.append(torch.stack(all_heads.chunk(heads, dim=-1), 1))
            return torch.stack(made)
        """,
    "qkv: einsum": """
        def qkv(rows, wq, wk, wv, heads):
            def one(layer):
                weight = layer.weight.unflatten(0, (heads, -1))
                return torch.einsum("bnc,hdc->bhnd", rows, weight) + layer.bias.view(heads, 1, -1)
            return one(wq), one(wk), one(wv)
        """,
    "attention: transpose, torch.softmax, a list": """
        def attention(q, k, v):
            p = torch.softmax(q @ k.transpose(-2, -1) / q.size(-1) ** 0.5, dim=-1)
            return [torch.matmul(p, v), p]
        """,
    "attention: einsum, own tensors changed in place": """
        def attention(q, k, v):
            q = q / q.shape[-1] ** 0.5
            scores = torch.einsum("bhnd,bhmd->bhnm", q, k)
            scores -= scores.amax(-1, keepdim=True)
            p = scores.exp_()
            p /= p.sum(-1, keepdim=True)
            return torch.einsum("bhnm,bhmd->bhnd", p, v), p
        """,
    "attention: torch's own for the output": """
        def attention(q, k, v):
            p = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1)
            return torch.nn.functional.scaled_dot_product_attention(q, k, v), p
        """,
    "attention: loops over queries": """
        def attention(q, k, v):
            b, heads, n, d = q.shape
            p = q.new_zeros(b, heads, n, k.shape[2])
            a = torch.zeros_like(q)
            for i in range(n):
                p[:, :, i] = ((q[:, :, i : i + 1] * k).sum(-1) / d**0.5).softmax(-1)
                a[:, :, i] = (p[:, :, i, :, None] * v).sum(2)
            return a, p
        """,
    "project: transpose and reshape": """
        def project(a, x, wp):
            return x + wp(a.transpose(1, 2).reshape(x.shape))
        """,
    "project: heads one after the other, in place on its own tensor": """
        def project(a, x, wp):
            out = torch.cat(list(a.unbind(1)), dim=-1) @ wp.weight.T
            out += wp.bias
            out += x
            return out
        """,
    "project: flatten after permute": """
        def project(a, x, wp):
            return wp(a.permute(0, 2, 1, 3).flatten(2)).add(x)
        """,
    "finish: with a name": """
        def finish(a, mlp):
            y = mlp(a)
            y = y + a
            return y
        """,
    "finish: on a copy": """
        def finish(a, mlp):
            out = a.clone()
            out += mlp(a)
            return out
        """,
    "macs: factored": """
        def macs(h, w, c):
            n = h * w
            return n * c * (3 * c + 2 * n)
        """,
    "macs: a float": """
        def macs(h, w, c):
            return 3.0 * h * w * c * c + 2.0 * h * h * w * w * c
        """,
    "in_pieces: the largest score in a first round": """
        def in_pieces(q, k, v, size):
            scale = q.shape[-1] ** -0.5
            parts = [slice(i, i + size) for i in range(0, k.shape[2], size)]
            largest = torch.stack([(q @ k[:, :, part].mT * scale).amax(-1) for part in parts]).amax(0)[..., None]
            total = output = 0
            for part in parts:
                powers = (q @ k[:, :, part].mT * scale - largest).exp()
                total = total + powers.sum(-1, keepdim=True)
                output = output + powers @ v[:, :, part]
            return output / total
        """,
    "in_pieces: by the logarithm of the sums": """
        def in_pieces(q, k, v, size):
            log = output = None
            for keys, values in zip(k.split(size, 2), v.split(size, 2)):
                scores = q @ keys.mT / q.shape[-1] ** 0.5
                one = scores.logsumexp(-1, keepdim=True)
                part = scores.softmax(-1) @ values
                if log is None:
                    log, output = one, part
                else:
                    both = torch.logaddexp(log, one)
                    output = output * (log - both).exp() + part * (one - both).exp()
                    log = both
            return output
        """,
}
WRONG = {
    "this is still a map: combine h and w": "def rows(x): return x.permute(0, 2, 3, 1)",
    "the axis b is gone: every image keeps a list": 'def rows(x): return rearrange(x, "b c h w -> (b h w) c")',
    "rows is right in float32, but its result is float32 if x is float64": """
        def rows(x):
            b, c, h, w = x.shape
            out = torch.zeros(b, h * w, c)
            for n in range(h * w):
                out[:, n] = x[:, :, n // w, n % w]
            return out
        """,
    "the list of tokens has the right shape, but 1 of 210 numbers is wrong, the first at [1, 20, 4]": """
        def rows(x):
            out = rearrange(x, "b c h w -> b (h w) c").clone()
            out[-1, -1, -1] += 1
            return out
        """,
    "the axis b is gone": "def rows(x): return x.flatten(2).mT.squeeze(0)",  # right for all batches but one of 1
    "`.view(b, heads, n, d)` cuts the tokens of Q apart": """
        def qkv(rows, wq, wk, wv, heads):
            b, n, c = rows.shape
            return [f(rows).view(b, heads, n, c // heads) for f in (wq, wk, wv)]
        """,
    "Q: the layer's bias is missing": """
        def qkv(rows, wq, wk, wv, heads):
            return [rearrange(rows @ f.weight.T, "b n (h d) -> b h n d", h=heads) for f in (wq, wk, wv)]
        """,
    "Q: a layer's weight is stored as [out, in]": """
        def qkv(rows, wq, wk, wv, heads):
            return [rearrange(rows @ f.weight + f.bias, "b n (h d) -> b h n d", h=heads) for f in (wq, wk, wv)]
        """,
    "Q is not split into heads yet": "def qkv(rows, wq, wk, wv, heads): return wq(rows), wk(rows), wv(rows)",
    "attention changed what it was given, and later cells would go on with that: q is not what it was": """
        def attention(q, k, v):
            q /= q.shape[-1] ** 0.5
            p = (q @ k.mT).softmax(-1)
            return p @ v, p
        """,
    "you multiply by sqrt(d)": """
        def attention(q, k, v):
            p = (q @ k.mT * q.shape[-1] ** 0.5).softmax(-1)
            return p @ v, p
        """,
    "the scale comes before the softmax": """
        def attention(q, k, v):
            p = (q @ k.mT).softmax(-1) / q.shape[-1] ** 0.5
            return p @ v, p
        """,
    "these are scores: the softmax is missing": """
        def attention(q, k, v):
            p = q @ k.mT / q.shape[-1] ** 0.5
            return p @ v, p
        """,
    "these are scores without their scale": "def attention(q, k, v): return q @ k.mT @ v, q @ k.mT",
    "some weights are nan: exp of a large score is inf": """
        def attention(q, k, v):
            powers = (q @ k.mT / q.shape[-1] ** 0.5).exp()
            p = powers / powers.sum(-1, keepdim=True)
            return p @ v, p
        """,
    "the two results are swapped": """
        def attention(q, k, v):
            p = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
            return p, p @ v
        """,
    "A is the weights times the values V": """
        def attention(q, k, v):
            p = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
            return p @ k, p
        """,
    "the layer's bias is missing: call the layer": "def project(a, x, wp): return x + a.transpose(1, 2).flatten(2) @ wp.weight.T",
    "multiply by `.weight.T`": "def project(a, x, wp): return x + a.transpose(1, 2).flatten(2) @ wp.weight + wp.bias",
    "add the residual X once": "def project(a, x, wp): return x + wp(a.transpose(1, 2).flatten(2)) + x",
    "the residual comes after the projection": "def project(a, x, wp): return wp(a.transpose(1, 2).flatten(2) + x)",
    "Wp is missing": "def project(a, x, wp): return a.transpose(1, 2).flatten(2) + x",
    "project changed what it was given": """
        def project(a, x, wp):
            x += wp(rearrange(a, "b heads n d -> b n (heads d)"))
            return x
        """,
    "a is not what it was": """
        def finish(a, mlp):
            a += mlp(a)
            return a
        """,
    "the MLP runs twice": """
        def finish(a, mlp):
            a = a + mlp(a)
            return a + mlp(a)
        """,
    "add the residual A' once": "def finish(a, mlp): return a + mlp(a) + a",
    "the residual is A', the input of the MLP": "def finish(a, mlp): return mlp(a) + mlp(a)",
    "(h * w) ** 2, not h * w ** 2": "def macs(h, w, c): return 3 * h * w * c**2 + 2 * h * w**2 * c",
    "that counts one projection": "def macs(h, w, c): return h * w * c**2 + 2 * (h * w) ** 2 * c",
    "the products need (HW)^2": "def macs(h, w, c): return 3 * h * w * c**2 + 2 * h * w * c",
    "the projections need C^2": "def macs(h, w, c): return 3 * h * w * c + 2 * (h * w) ** 2 * c",
    "that also counts Wp": "def macs(h, w, c): return 4 * h * w * c**2 + 2 * (h * w) ** 2 * c",
    "each piece is a softmax of its own": """
        def in_pieces(q, k, v, size):
            return sum(attention(q, *part)[0] for part in zip(k.split(size, 2), v.split(size, 2)))
        """,
    "the mean over pieces is not it": """
        def in_pieces(q, k, v, size):
            return torch.stack([attention(q, *part)[0] for part in zip(k.split(size, 2), v.split(size, 2))]).mean(0)
        """,
    "the whole table of weights was laid out": "def in_pieces(q, k, v, size): return attention(q, k, v)[0]",
    "some outputs are nan or inf where scores grow": """
        def in_pieces(q, k, v, size):
            total = output = 0
            for keys, values in zip(k.split(size, 2), v.split(size, 2)):
                powers = (q @ keys.mT / q.shape[-1] ** 0.5).exp()
                total, output = total + powers.sum(-1, keepdim=True), output + powers @ values
            return output / total
        """,
    "some outputs are nan or inf where one query": """
        def in_pieces(q, k, v, size):
            pieces = list(zip(k.split(size, 2), v.split(size, 2)))
            largest = max((q @ keys.mT / q.shape[-1] ** 0.5).max() for keys, _ in pieces)
            total = output = 0
            for keys, values in pieces:
                powers = (q @ keys.mT / q.shape[-1] ** 0.5 - largest).exp()
                total, output = total + powers.sum(-1, keepdim=True), output + powers @ values
            return output / total
        """,
    "each piece subtracts a largest score of its own": """
        def in_pieces(q, k, v, size):
            total = output = 0
            for keys, values in zip(k.split(size, 2), v.split(size, 2)):
                scores = q @ keys.mT / q.shape[-1] ** 0.5
                powers = (scores - scores.amax(-1, keepdim=True)).exp()
                total, output = total + powers.sum(-1, keepdim=True), output + powers @ values
            return output / total
        """,
    "the keys that do not fill a piece are left out": """
        def in_pieces(q, k, v, size):
            whole = k.shape[2] // size * size
            return attention(q, k[:, :, :whole], v[:, :, :whole])[0]
        """,
    "the sums are not divided yet": """
        def in_pieces(q, k, v, size):
            return sum((q @ a.mT / q.shape[-1] ** 0.5).exp() @ b for a, b in zip(k.split(size, 2), v.split(size, 2)))
        """,
}


class TestTokensAndAttention(Variants):
    checks = tokens_and_attention
    right = RIGHT
    wrong = WRONG
    mistakes = (
        ("rows", "b (h w) c", "b (w h) c", "column by column: (h w)"),
        ("rows", 'rearrange(x, "b c h w -> b (h w) c")', "x.reshape(len(x), -1, x.shape[1])", "a reshape does not move the channels"),
        ("rows", 'rearrange(x, "b c h w -> b (h w) c")', "x.flatten(2)", "your rows are channels"),
        ("qkv", "(heads d) ->", "(d heads) ->", "the heads of Q share channels"),
        ("qkv", "-> b heads n d", "-> b n heads d", "the heads come after the tokens"),
        ("qkv", "(wq, wk, wv)\n", "(wq, wv, wk)\n", "K is what V should be"),
        ("attention", " * q.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
        ("attention", "** -0.5", "** -1", "1/sqrt(d), not 1/d"),
        ("attention", "q.shape[-1] **", "(q.shape[1] * q.shape[-1]) **", "the channels of one head, d"),
        ("attention", "softmax(dim=-1)", "softmax(dim=-2)", "the weights of each query over its keys, the last axis, sum to 1"),
        ("attention", "softmax(dim=-1)", "softmax(dim=1)", "softmax over the wrong axis: it runs over the heads"),
        ("attention", "q @ k.mT", "k @ q.mT", "keys and queries are swapped"),
        ("attention", "return p @ v, p", "return p.mT @ v, p", "you multiplied the transposed weights by V"),
        ("attention", "return p @ v, p", "return p @ v, p.mT", "your weights are transposed"),
        ("project", "b n (heads d)", "b n (d heads)", "the merge order is wrong"),
        ("project", ") + x", ")", "the residual is missing"),
        ("project", 'wp(rearrange(a, "b heads n d -> b n (heads d)")) + x', "wp(a.reshape(x.shape)) + x", "a reshape mixes tokens"),
        ("in_pieces", "(largest - new).exp()", "1", "subtracts a largest score of its own|where scores grow|numbers are wrong"),
        ("in_pieces", "* q.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
        ("finish", "mlp(a) + a", "mlp(a)", "the residual is missing"),
        ("macs", "2 * (h * w)", "(h * w)", "that counts one product"),
        ("macs", "3 * h * w * c**2 + 2 *", "6 * h * w * c**2 + 4 *", "FLOPs"),
        ("rows", "return ", "", "returned None. Did you forget `return`?"),
        ("rows", 'rearrange(x, "b c h w -> b (h w) c")', "[x]", "a list of 1; wanted a torch tensor"),
        ("attention", "return p @ v, p", "return p @ v", "wanted 2 results"),
        ("macs", "return 3", 'return "3" or 3', "a str; wanted a number"),
    )
