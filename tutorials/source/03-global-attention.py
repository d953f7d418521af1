# %% [markdown]
# # 3. Global attention on pooled tokens
#
# Local attention (notebook 2) never leaves its window. The second half of the paper's answer is to read the **whole map,
# but roughly**: each cell of tokens is averaged into a single token, and every token reads these few averages. You write
# Eqs. 10 to 13, and see what averaging loses.
#
# **You will** pool a map of any size; say which of Q, K and V come from the pooled map, and why; put the output of attention
# back on the map.
#
# **You need** notebook 1, or some knowledge of queries, keys, values and softmax.
#
# **Run time** on a CPU: about 15 seconds. Working time: 45 minutes.
#
# **In the app:** with `make app` running, open [this block in
# Equations](http://localhost:8501/equations?image=cat_chelsea&checkpoint=cifar10&stage=2&block=1&equation=10&token=0.40,0.32).
#
# How it works: run the cells from top to bottom. Where it says `TODO`, write the code, then run the check below it. The hint
# and the solution are folded away.

# %%
import torch
import torch.nn.functional as F
from einops import rearrange

import hatnet
from tutorials.figures import maps
from tutorials.checks import global_attention as checks
from tutorials.start import model_and_image, photograph, show, split

# %% [markdown]
# Stage 2 of the small HAT-Net again, first block: 16 × 16 tokens of 48 channels, 2 heads of 24, and cells of 2 × 2 tokens
# (G₂ = 2). `a1` is the result of the local step (Eq. 9, as the model computed it) for a photograph of a cat.

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
    # TODO Eq. 10: average each cell of g x g tokens; a partial cell averages only the tokens
    # it holds.
    # solution
    return F.avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)
    # end


# %%
checks.pool(pool)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `F.avg_pool2d(a1, g, ...)` also takes g as its stride. By default it drops cells that are not whole; `ceil_mode=True` keeps
# them. Or do without it: pad with zeros, sum the cells, and divide by the sums of a map of ones.
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
# Neighbours in a photograph are alike, so small cells keep most of it. Here is the channel that varies most, before and
# after.

# %%
most = a1[0].var((1, 2)).argmax()
one = (a1[0, most] - a1[0, most].min()).numpy()
small = pool(a1, g2)[0, most] - a1[0, most].min()
large = small.repeat_interleave(g2, 0).repeat_interleave(g2, 1).numpy()
show(
    {
        "A₁: 256 tokens": maps.marked_map(one, "local", token, photo, "value"),
        "pooled: 64 cells": maps.marked_map(large, "global", token, photo, "mean"),
    },
    "One channel of A1 on 16 by 16 tokens, and averaged over cells of 2 by 2.",
)

# %% [markdown]
# ## Eq. 11: two maps become two lists
#
# $$\mathbf{A}_1\in\mathbb{R}^{H\times W\times C}\to\mathbb{R}^{(H\times W)\times C},\qquad
# \widehat{\mathbf{A}}_1\to\mathbb{R}^{(\frac{H}{G_2}\times\frac{W}{G_2})\times C} \tag{11}$$
#
# From here on, places do not matter: 256 tokens become 256 rows, 64 cells become 64 rows. (If you did notebook 1, you have
# this function already.)


# %%
def rows(x):
    """A map [b, c, h, w] -> its tokens as rows, [b, (h w), c]."""
    # TODO Eq. 11: one row for each token, row by row of the map.
    # solution
    return rearrange(x, "b c h w -> b (h w) c")
    # end


# %%
checks.rows(rows)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `rearrange(x, "left -> right")`: the left side names the axes as they are, the right side as they should be. `(h w)` counts
# across first, then down.
#
# </details>

# %% [markdown]
# **Now predict.** In which row of the list is the cell from row 3, column 5 of the 8 × 8 cells? (All counted from 0.)

# %%
cells = pool(a1, 2)
listed = rows(cells)[0]
same = [row for row in range(64) if torch.equal(listed[row], cells[0, :, 3, 5])]
print(f"row {same[0]} = 3 * 8 + 5")

# %% [markdown]
# ## Eq. 12: what reads, and what is read
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
    # TODO Eq. 12: queries from the tokens, keys and values from the cells; split the channels
    # of each into heads, head 1 first.
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
# `wq(rows)` is `[b, n, c]`; then `rearrange(..., "b n (heads d) -> b heads n d", heads=heads)`. The same for keys and values,
# from `cells`.
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
# $$\mathbf{A}_2=\mathrm{Softmax}\!\left(\frac{\mathbf{Q}_2\mathbf{K}_2^T}{\sqrt{d}}\right)\mathbf{V}_2,\qquad
# \mathbf{A}_2\in\mathbb{R}^{(H\times W)\times C}\to\mathbb{R}^{H\times W\times C} \tag{13}$$
#
# The table of shares is no longer square: 256 rows, one for each token that reads, and 64 columns, one for each cell that is
# read. The output has one row for each token, so it fits back on the map.


# %%
def global_attention(q2, k2, v2, h, w):
    """q2 [b, heads, n, d], k2 and v2 [b, heads, m, d] -> a2 [b, c, h, w], p2 [b, heads, n, m]."""
    # TODO Eq. 13: the shares p2 of Eq. 2, and the output p2 V2 as a map [b, (heads d), h, w].
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
# `q2 @ k2.mT` has queries down and keys across; the shares of one query sum to 1, so softmax runs over the last axis. d is
# `q2.shape[-1]`. For the map, `n` is `(h w)`; heads go side by side into the channels.
#
# </details>

# %% [markdown]
# ## Your functions against the trained model
#
# There is one difference from the paper's text: the released model normalises the pooled map (`ds_norm`) before Eq. 11.

# %%
wq2, (wk2, wv2) = split(block.attn.q, 1)[0], split(block.attn.kv, 2)
pooled = block.attn.ds_norm(pool(a1, g2))
q2, k2, v2 = global_qkv(rows(a1), rows(pooled), wq2, wk2, wv2, heads)
a2, p2 = global_attention(q2, k2, v2, h, w)
mine = {10: [pooled], 11: [rows(a1), rows(pooled)], 12: [q2, k2, v2], 13: [a2, p2]}
for number, tensors in mine.items():
    pairs = list(zip(tensors, traced[number], strict=True))
    worst = max((ours - theirs).abs().max().item() for ours, theirs in pairs)
    print(f"Eq. {number}: largest difference from hatnet {worst:.1e}")
    assert all(torch.allclose(ours, theirs, atol=1e-5, rtol=1e-5) for ours, theirs in pairs)

# %% [markdown]
# How our token reads the whole map, according to your `p2`: the mean of two heads, and each head. The ring marks the token;
# the white frame marks the cell with the largest share.

# %%
shares = p2[0, :, token[0] * w + token[1]].view(heads, h // g2, w // g2).numpy()
grid = (h, w)
show(
    {
        "mean of 2 heads": maps.global_map(shares.mean(0), g2, token, photo, grid),
        "head 1": maps.global_map(shares[0], g2, token, photo, grid),
        "head 2": maps.global_map(shares[1], g2, token, photo, grid),
    },
    f"The shares that one token gives to 8 by 8 cells; the largest is {shares.mean(0).max():.0%}.",
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
