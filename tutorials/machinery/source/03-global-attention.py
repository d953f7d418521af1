# %% [markdown]
# # 3. Global attention on pooled tokens
#
# Local attention (notebook 2) never leaves its window. The second half of the paper's answer is to read the **whole map,
# but roughly**: each cell of tokens is averaged into a single token, and every token reads these few averages. You write
# Eqs. 10 to 13, and see what averaging loses.
#
# **You will** pool a map of any size; say which of Q, K and V come from the pooled map, and why; put the output of attention
# back on the map; and, at the end, give every token the same say in cells of different sizes.
#
# **You need** notebook 1, or some knowledge of queries, keys, values and softmax.
#
# **Run time** on a CPU: about 15 seconds. Working time: 60 minutes, and 40 more for the last exercise.
#
# **In the app:** with `make app` running, open [this block in
# Equations](http://localhost:8501/equations?image=cat_chelsea&checkpoint=cifar10&stage=2&block=1&equation=10&token=0.40,0.32).
#
# How it works: run the cells from top to bottom. Where it says `TODO`, write the code, then run the check below it. Hints
# and the solution are folded away; open one after another. Exercises are marked ● (one idea), ●● (several steps) or ●●● (hard
# and open).

# %%
import torch
import torch.nn.functional as F
from einops import rearrange

import hatnet
from tutorials.machinery.checks import global_attention as checks
from tutorials.machinery.checks.grading import agree
from tutorials.machinery.figures import maps
from tutorials.machinery.start import model_and_image, photograph, show, split

# %% [markdown]
# Stage 2 of the small HAT-Net again, first block: 16 × 16 tokens of 48 channels, 2 heads of 24, and cells of 2 × 2 tokens
# (G₂ = 2). `a1` is what the global step reads, as the model computed it for a photograph of a cat: the result of Eq. 9, which
# the released model normalises first (the paper's text does not).

# %%
model, image, info = model_and_image("cifar10", "cat_chelsea")
block, x, g1, g2 = hatnet.block_input(model, image, stage=2, block=0)
# Every tensor of Eqs. 6 to 15 as the model computed it: equation -> tensors.
traced = {
    equation.number: list(equation.tensors.values())
    for equation in hatnet.trace_equations(block, x, g1, g2)
}
a1 = traced[9][1]  # A1, normalised: the model's input to Eq. 10
b, c, h, w = a1.shape
heads, token = 2, hatnet.token_at((0.40, 0.32), (h, w))
photo = photograph("cat_chelsea")
print(f"a1: {b} image, {c} channels, {h} x {w} tokens; G2 = {g2}")

# %% [markdown]
# ## Eq. 10: average cells of tokens
#
# **Exercise 1** ● 10 minutes
#
# $$\widehat{\mathbf{A}}_1=\mathrm{AvePool}_{G_2}(\mathbf{A}_1) \tag{10}$$
#
# The map is cut into cells of G₂ × G₂ tokens, and each becomes one token: the mean, channel by channel. 16 × 16 tokens become 8 ×
# 8.
#
# In the paper the cells fit the maps. Ours must work for any size: where the last cells hang over the edge, a **partial
# cell** is the mean of the tokens that it holds. 7 × 11 tokens and G₂ = 2 give 4 × 6 cells, and the cells of the last row are
# one token high.


# %%
def pool(a1, g):
    """A map [b, c, h, w] -> the means of its cells of g x g tokens, [b, c, ceil(h/g), ceil(w/g)]."""
    # TODO Eq. 10: a mean for each cell. By what is the sum of a partial cell divided?
    # solution
    return F.avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)
    # end


# %%
checks.pool(pool)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Pad with zeros, sum each cell, and divide by how many tokens it holds: the sums of a map of ones, padded in the same way. Or
# look for a function of PyTorch that does all this.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `F.avg_pool2d(a1, g, ...)` also takes g as its stride. By default it drops cells that are not whole; `ceil_mode=True` keeps
# them. (`F.adaptive_avg_pool2d` lets cells overlap where g does not divide the map.)
#
# </details>

# %% [markdown]
# **Now predict.** Averaging loses the differences inside a cell. How much of the variance between tokens do cells of 2 × 2
# keep? And a cell of 16 × 16, the only one of the map?

# %%
spread = a1.var((2, 3), unbiased=False).mean()
for side in (1, 2, 4, 8, 16):
    cells = pool(a1, side)
    kept = cells.var((2, 3), unbiased=False).mean() / spread
    print(
        f"G2 = {side:2}: {cells.shape[2]:2} x {cells.shape[3]:<2} cells keep {kept:4.0%} of the variance"
    )

# %% [markdown]
# Were the tokens independent of each other, means of four would keep a quarter of the variance. Neighbours in a photograph
# are somewhat alike, so cells of 2 × 2 keep more: a third. Two thirds are lost, and it is the local step that has read them.
# Here is the channel that varies most, before and after, both on one scale.

# %%
most = a1[0].var((1, 2)).argmax()
one = (a1[0, most] - a1[0, most].min()).numpy()
small = pool(a1, g2)[0, most] - a1[0, most].min()
large = small.repeat_interleave(g2, 0).repeat_interleave(g2, 1).numpy()
top = float(one.max())
show(
    {
        "A₁: 256 tokens": maps.marked_map(one, "global", token, photo, "value", most=top),
        "pooled: 64 cells": maps.marked_map(
            large, "global", token, photo, "mean", most=top
        ),
    },
    f"One channel of A1, its smallest value taken as 0. On 16 by 16 tokens it goes up to {one.max():.1f}, "
    f"averaged over cells of 2 by 2 up to {large.max():.1f}.",
)

# %% [markdown]
# ## Eq. 11: two maps become two lists
#
# $$\mathbf{A}_1\in\mathbb{R}^{H\times W\times C}\to\mathbb{R}^{(H\times W)\times C},\qquad
# \widehat{\mathbf{A}}_1\to\mathbb{R}^{(\frac{H}{G_2}\times\frac{W}{G_2})\times C} \tag{11}$$
#
# 256 tokens become 256 rows, 64 cells become 64 rows, each row by row of its map. You wrote this function in notebook 1; here it
# is given. From now on nothing says where a row came from: attention does not ask (notebook 1), so we have to keep count.


# %%
def rows(x):
    """A map [b, c, h, w] -> its tokens as rows, [b, (h w), c]."""
    return rearrange(x, "b c h w -> b (h w) c")


# %% [markdown]
# **Exercise 2** ●● 10 minutes
#
# Each token lies in one cell, its **own cell**. Token number n of the list of tokens: which number does its own cell have in the
# list of cells? As in code, numbers begin at 0.


# %%
def own_cell(h, w, g):
    """For each of the h * w tokens, row by row, the number of its own cell: integers [(h w)]."""
    # TODO Eq. 11: in which row and column of the map is token n, in which row and column of cells
    # is that, and how many cells does a row have?
    # solution
    n = torch.arange(h * w)
    row, column = n // w, n % w
    return row // g * -(-w // g) + column // g
    # end


# %%
checks.own_cell(own_cell)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Token n is in row `n // w` and column `n % w` of the map. On 16 × 16 tokens and with cells of 2 × 2, token 37 is in row 2,
# column 5, and its cell in row 1, column 2 of 8 × 8 cells.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# From there it is the same arithmetic backwards: row times the number of cells in a row, plus column. A row has `-(-w // g)`
# cells, w / g rounded up. `torch.arange(h * w)` holds all n at once.
#
# </details>

# %% [markdown]
# **Now predict.** In which row of the list of cells is the cell that holds our token?

# %%
listed, ours = rows(pool(a1, g2))[0], own_cell(h, w, g2)[token[0] * w + token[1]]
cell = a1[0, :, token[0] // 2 * 2 :, token[1] // 2 * 2 :][:, :2, :2].mean((1, 2))
print(f"our token has number {token[0] * w + token[1]}, its cell number {ours}")
print("that row holds the mean of the four tokens:", torch.allclose(listed[ours], cell))

# %% [markdown]
# ## Eq. 12: what reads, and what is read
#
# **Exercise 3** ● 5 minutes
#
# $$\mathbf{Q}_2=\mathbf{A}_1\mathbf{W}_2^q,\qquad\mathbf{K}_2=\widehat{\mathbf{A}}_1\mathbf{W}_2^k,\qquad\mathbf{V}_2=\widehat{\mathbf{A}}_1\mathbf{W}_2^v \tag{12}$$
#
# **Every** token has a query, so every token gets an output of its own. Only **cells** have keys and values. The layers are
# new, with weights of their own.


# %%
def global_qkv(rows, cells, wq, wk, wv, heads):
    """rows [b, n, c], cells [b, m, c] -> Q2 [b, heads, n, d], K2 and V2 [b, heads, m, d].

    wq, wk, wv are layers: call them.
    """
    # TODO Eq. 12: which of the two lists does each layer read?
    # solution
    pairs = ((wq, rows), (wk, cells), (wv, cells))
    return tuple(
        rearrange(layer(source), "b n (heads d) -> b heads n d", heads=heads)
        for layer, source in pairs
    )
    # end


# %%
checks.global_qkv(global_qkv)

# %% [markdown]
# <details><summary>Hint</summary>
#
# A query belongs to what reads, a key and a value to what is read.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `rearrange(wq(rows), "b n (heads d) -> b heads n d", heads=heads)`. The same for keys and values, from `cells`.
#
# </details>

# %% [markdown]
# **Now predict.** How many scores do 256 queries and 64 keys make in each head? How many would there be without pooling? And
# if Q came from the cells as well, how many outputs would there be for the 256 tokens?
#
# <details><summary>Answer</summary>
#
# 256 × 64 = 16,384 instead of 65,536: a quarter, 1/G₂². With pooled queries there would be only 64 outputs. The four tokens
# of a cell would have to share one, and could not look for different things.
#
# </details>

# %% [markdown]
# ## Eqs. 2 and 13: attend, and back to the map
#
# **Exercise 4** ●● 10 minutes
#
# $$\mathbf{A}_2=\mathrm{Softmax}\!\left(\frac{\mathbf{Q}_2\mathbf{K}_2^T}{\sqrt{d}}\right)\mathbf{V}_2,\qquad
# \mathbf{A}_2\in\mathbb{R}^{(H\times W)\times C}\to\mathbb{R}^{H\times W\times C} \tag{13}$$
#
# The table of weights is no longer square: 256 rows, one for each token that reads, and 64 columns, one for each cell that is
# read. The output has one row for each token, so it fits back on the map.


# %%
def global_attention(q2, k2, v2, h, w):
    """q2 [b, heads, n, d], k2 and v2 [b, heads, m, d] -> a2 [b, c, h, w], p2 [b, heads, n, m]."""
    # TODO Eq. 13: the weights p2 are those of Eq. 2. In which order do the axes of the output
    # become a map?
    # solution
    p2 = (q2 @ k2.mT * q2.shape[-1] ** -0.5).softmax(dim=-1)
    a2 = rearrange(p2 @ v2, "b heads (h w) d -> b (heads d) h w", h=h, w=w)
    return a2, p2
    # end


# %%
checks.global_attention(global_attention)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `q2 @ k2.mT` has queries down and keys across; the weights of one query sum to 1. The output is `[b, heads, n, d]`: two of its
# axes become channels, one becomes two.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `n` is `(h w)`, and the channels are `(heads d)`: `rearrange` needs to be told `h` and `w`. (With `view`: put heads beside d
# first, with `transpose` or `permute`.)
#
# </details>

# %% [markdown]
# ## Your functions against the trained model
#
# There are two differences from the paper's text, both norms. The released model normalises the result of Eq. 9 (`grid_norm`; our
# `a1` has been through it), and once more the pooled map (`ds_norm`), before Eq. 11.

# %%
wq2, (wk2, wv2) = split(block.attn.q, 1)[0], split(block.attn.kv, 2)
pooled = block.attn.ds_norm(pool(a1, g2))
q2, k2, v2 = global_qkv(rows(a1), rows(pooled), wq2, wk2, wv2, heads)
a2, p2 = global_attention(q2, k2, v2, h, w)
mine = {10: [pooled], 11: [rows(a1), rows(pooled)], 12: [q2, k2, v2], 13: [a2, p2]}
for number, tensors in mine.items():
    agree(tensors, traced[number], f"Eq. {number}")

# %% [markdown]
# How our token reads the whole map, according to your `p2`: the mean of two heads, and each head, on one scale. The ring marks
# the token; the white frame marks the cell with the largest weight.

# %%
weights = p2[0, :, token[0] * w + token[1]].view(heads, h // g2, w // g2).numpy()
mean, most, grid = weights.mean(0), weights.max().item(), (h, w)
show(
    {
        "mean of 2 heads": maps.global_map(mean, g2, token, photo, grid, most),
        "head 1": maps.global_map(weights[0], g2, token, photo, grid, most),
        "head 2": maps.global_map(weights[1], g2, token, photo, grid, most),
    },
    f"What one token reads. Mean of 2 heads: {maps.describe(mean, 'cell')} "
    f"Head 1: {maps.describe(weights[0], 'cell')} Head 2: {maps.describe(weights[1], 'cell')}",
)

# %% [markdown]
# **Now predict.** Does a token give its own cell more than an even share? An even share is 1/64.

# %%
own = p2[0, :, torch.arange(h * w), own_cell(h, w, g2)]  # [heads, tokens]
for head in range(heads):
    print(
        f"head {head + 1}: the own cell gets {64 * own[head].mean():.1f} times an even share on average"
    )

# %% [markdown]
# **Now predict.** We add 1 to all channels of one token in a far corner, at the bottom left. Which outputs `a2` change? (With
# windows, in notebook 2, 16 of 256 did.)


# %%
def outputs(a1):
    """Eqs. 10 to 13 as the paper has them, without the norm."""
    layers = (wq2, wk2, wv2)
    return global_attention(
        *global_qkv(rows(a1), rows(pool(a1, g2)), *layers, heads), h, w
    )[0]


changed = a1.clone()
changed[0, :, 15, 0] += 1
difference = (outputs(changed) - outputs(a1)).abs().amax(1)[0]
ours = difference[token]
print(f"{(difference > 0).sum()} of 256 outputs change; ours by {ours:.3f}")
print(f"the changed token's own output by {difference[15, 0]:.3f}")

# %% [markdown]
# All of them: one step covers the whole map. But they read that token only as part of a mean of 4 tokens.
#
# **Now predict.** There are two limits. With G₂ = 1 a cell is a token: what kind of attention is that? And with G₂ = 16 there
# is one cell for the whole map: what do all tokens read?
#
# The next cell tries both.


# %%
def plain(a1):
    """Plain attention, where every token reads every token, by torch's own function."""
    q, k, v = global_qkv(rows(a1), rows(a1), wq2, wk2, wv2, heads)
    a = F.scaled_dot_product_attention(q, k, v)
    return rearrange(a, "b heads (h w) d -> b (heads d) h w", h=h)


g2 = 1
print(
    f"G2 = 1: largest difference from plain attention {(outputs(a1) - plain(a1)).abs().max():.1e}"
)
g2 = 16
print(
    f"G2 = 16: outputs differ between tokens by at most {outputs(a1).std((2, 3)).max():.1e}"
)
g2 = 2

# %% [markdown]
# G₂ = 1 is plain attention on A₁; G₂ = 16 gives every token the same output, made from the mean of the picture. In between
# lies the bargain: G₂² times fewer keys for a coarser view.
#
# The windows are read in detail before the cells are averaged: a cell's mean holds what its tokens have read in their
# windows. So two hops, one local and one global, join any two tokens of the map. Put together, they are H-MHSA: [notebook
# 4](04-joining.ipynb).

# %% [markdown]
# ## An open exercise: the same say for every token
#
# **Exercise 5** ●●● 40 minutes
#
# With G₂ = 5, a map of 16 × 16 tokens has 4 × 4 cells, and those of the last row and column hold 5 tokens each, the last one a
# single token; all others hold 25. Softmax does not know that. A cell of one token counts for as much as a cell of 25: whoever
# lies in the corner has 25 times the say.
#
# Set that right. Suppose that all tokens of a cell are alike. Then reading the cells should give exactly what plain attention
# gives on all tokens, where a cell of 25 tokens has 25 keys. **How must a cell's size enter its score**, so that it counts as
# often as it has tokens?


# %%
def fair_attention(a1, wq, wk, wv, heads, g):
    """Eqs. 10 to 13 on a map of any size, where a cell counts as often as it has tokens -> a2, p2.

    a1 [b, c, h, w]; a2 the same shape; p2 [b, heads, n, m], its rows sum to 1.
    """
    # TODO fair cells: as in Eqs. 10 to 13, but with what added to the scores of a cell?
    # solution
    h, w = a1.shape[-2:]
    q2, k2, v2 = global_qkv(rows(a1), rows(pool(a1, g)), wq, wk, wv, heads)
    size = own_cell(h, w, g).bincount().to(a1.dtype)
    p2 = (q2 @ k2.mT * q2.shape[-1] ** -0.5 + size.log()).softmax(dim=-1)
    a2 = rearrange(p2 @ v2, "b heads (h w) d -> b (heads d) h w", h=h, w=w)
    return a2, p2
    # end


# %%
checks.fair_attention(fair_attention)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Write softmax out for plain attention, and collect the terms of one cell: s keys that are alike give s equal powers $e^{x}$,
# together $s\,e^{x}$.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# $s\,e^{x}=e^{x+\,?}$. And how many tokens does each cell have? `own_cell` knows the cell of each token; `bincount()` counts
# how often each number occurs.
#
# </details>

# %% [markdown]
# **Now predict.** On 16 × 16 tokens and with G₂ = 5, how much weight do the seven cells at the right and at the bottom get,
# averaged over all tokens, with Eq. 13 and with yours? They hold 31 of the 256 tokens.

# %%
layers = (wq2, wk2, wv2)
_, plainly = global_attention(
    *global_qkv(rows(a1), rows(pool(a1, 5)), *layers, heads), h, w
)
_, fairly = fair_attention(a1, *layers, heads, 5)
size = own_cell(h, w, 5).bincount()
print("tokens of the 4 x 4 cells:", size.view(4, 4).tolist())
print(f"the seven partial cells hold {size[size < 25].sum() / 256:.0%} of the tokens")
for name, p in (("as in Eq. 13", plainly), ("fair", fairly)):
    print(f"{name:12} they get {p[..., size < 25].sum(-1).mean():.0%} of the weight")

# %% [markdown]
# Which is better? This model was trained on maps that its cells fit, so it has never met the question. For other sizes, though,
# yours changes less: no token gains say because it lies at the edge. (The weight of the partial cells need not be their share
# of the tokens: what the cells hold counts as well.)
