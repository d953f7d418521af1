# %% [markdown]
# # 4. Joining them: the block
#
# Local attention (notebook 2) and global attention (notebook 3) become one, H-MHSA, by Eq. 14. You put your own functions
# together, find out where the authors' released model departs from the paper's text, and match `hatnet`'s module to 1e-5; at
# the end, your code runs the whole trained network.
#
# **You will** write H-MHSA and a transformer block from the paper; say which norm reads what, and where each residual comes from.
#
# **You need** notebooks 2 and 3: you may copy your own functions from there (or from their solutions).
#
# **Run time** on a CPU: about 15 seconds. Working time: 60 minutes.
#
# **In the app:** with `make app` running, open [this block in
# Equations](http://localhost:8501/equations?image=cat_chelsea&checkpoint=cifar10&stage=2&block=1&equation=14&token=0.40,0.32).
#
# How it works: run the cells from top to bottom. Where it says `TODO`, write the code, then run the check below it. The hint
# and the solution are folded away.

# %%
from functools import partial

import torch
import torch.nn.functional as F
from einops import rearrange

import hatnet
from tutorials.figures import maps
from tutorials.checks import joining as checks
from tutorials.start import model_and_image, parts_of, photograph, show

# %% [markdown]
# Stage 2 of the small HAT-Net, first block: 16 × 16 tokens of 48 channels, 2 heads of 24, windows of 4 × 4 and cells of
# 2 × 2. `x` is the block's input for a photograph of a cat.

# %%
model, image, info = model_and_image("cifar10", "cat_chelsea")
block_2_1, x, g1, g2 = hatnet.block_input(model, image, stage=2, block=0)
heads, (h, w) = 2, x.shape[-2:]
print(
    f"x: {tuple(x.shape)} = batch, channels, tokens down, tokens across; G1 = {g1}, G2 = {g2}"
)

# %% [markdown]
# ## Eqs. 6 to 8 and 10 to 13, once more
#
# Three functions hold what notebooks 2 and 3 built. `near` is Eqs. 6 to 8: windows, attention in each, back on the map; **no
# residual yet**. Eqs. 10 to 13 are in two parts, because something will come between them: `pool` (Eq. 10) and `read_cells`
# (Eqs. 11 to 13).
#
# Bring your own. The checks are those you know, except that `near` leaves out the residual of Eq. 9.


# %%
def near(x, wq, wk, wv, heads, g):
    """Eqs. 6 to 8: a map [b, c, h, w] of any size -> what each token reads in its window, [b, c, h, w]."""
    # TODO Eqs. 6 to 8: from notebook 2: windows (padded at the bottom and right), heads,
    # attention over the real keys, back on the map.
    # solution
    b, _, h, w = x.shape
    padding = (0, -w % g, 0, -h % g)
    to_windows = "b c (gh i) (gw j) -> (b gh gw) (i j) c"
    x1 = rearrange(F.pad(x, padding), to_windows, i=g, j=g)
    real = (
        rearrange(F.pad(torch.ones(b, 1, h, w), padding), to_windows, i=g, j=g)[..., 0] > 0
    )
    q, k, v = (
        rearrange(layer(x1), "b n (heads d) -> b heads n d", heads=heads)
        for layer in (wq, wk, wv)
    )
    scores = q @ k.mT * q.shape[-1] ** -0.5
    p = scores.masked_fill(~real[:, None, None, :], -torch.inf).softmax(dim=-1)
    to_map = "(b gh gw) heads (i j) d -> b (heads d) (gh i) (gw j)"
    sizes = dict(gh=-(-h // g), gw=-(-w // g), i=g, j=g)
    return rearrange(p @ v, to_map, **sizes)[:, :, :h, :w]
    # end


def pool(a1, g):
    """Eq. 10: the means of the cells of g x g tokens, [b, c, ceil(h/g), ceil(w/g)]."""
    # TODO Eq. 10: from notebook 3: average each cell; a partial cell averages only the tokens
    # it holds.
    # solution
    return F.avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)
    # end


def read_cells(a1, cells, wq, wk, wv, heads):
    """Eqs. 11 to 13: a1 [b, c, h, w] reads cells [b, c, ch, cw] -> a2 [b, c, h, w]."""
    # TODO Eqs. 11 to 13: from notebook 3: both maps as rows, queries from a1, keys and values
    # from the cells, attention, back on the map.
    # solution
    q, k, v = (
        rearrange(
            layer(rearrange(each, "b c h w -> b (h w) c")),
            "b n (heads d) -> b heads n d",
            heads=heads,
        )
        for layer, each in ((wq, a1), (wk, cells), (wv, cells))
    )
    p = (q @ k.mT * q.shape[-1] ** -0.5).softmax(dim=-1)
    h, w = a1.shape[-2:]
    return rearrange(p @ v, "b heads (h w) d -> b (heads d) h w", h=h, w=w)
    # end


# %%
checks.near(near)
checks.pool(pool)
checks.read_cells(read_cells)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Copy the answers of notebooks 2 and 3 into this notebook and call them here: `near` is `partition_any`, `local_qkv`,
# `window_attention`, `merge`; `read_cells` is `rows`, `global_qkv`, `global_attention`.
#
# </details>

# %% [markdown]
# ## Eq. 14: join, project, add
#
# $$\mathrm{H\text{-}MHSA}(\mathbf{X})=(\mathbf{A}_1+\mathbf{A}_2)\,\mathbf{W}^p+\mathbf{X} \tag{14}$$
#
# The local result $\mathbf{A}_1$ and the global result $\mathbf{A}_2$ are added, token by token. One matrix $\mathbf{W}^p$
# mixes the heads of both. Then the block's input is added.


# %%
def output(a1, a2, wp, x):
    """Three maps [b, c, h, w] -> one. wp is a layer on the last axis: call it on [b, h, w, c]."""
    # TODO Eq. 14: add a1 and a2, project the channels of each token with wp, add x.
    # solution
    mixed = wp(rearrange(a1 + a2, "b c h w -> b h w c"))
    return rearrange(mixed, "b h w c -> b c h w") + x
    # end


# %%
checks.output(output)

# %% [markdown]
# <details><summary>Hint</summary>
#
# A layer works on the last axis, and in a map the channels come second. Move them to the end and back:
# `"b c h w -> b h w c"`.
#
# </details>

# %% [markdown]
# **Now predict.** The two results are added before $\mathbf{W}^p$ sees them. Can a trained model still make the global one
# count twice as much as the local one?
#
# <details><summary>Answer</summary>
#
# Not with $\mathbf{W}^p$, which gets only their sum, but with the layer that makes the values of the global step,
# $\mathbf{W}_2^v$: weights twice as large give an $\mathbf{A}_2$ twice as large.
#
# </details>

# %% [markdown]
# ### The paper's H-MHSA
#
# These functions are all of Eqs. 6 to 14, word for word as the paper has them. Does the trained model agree?

# %%
parts = parts_of(block_2_1.attn)  # wq1 wk1 wv1 wq2 wk2 wv2 wp, heads, and three norms


def paper(x, parts, g1, g2):
    a1 = near(x, parts.wq1, parts.wk1, parts.wv1, parts.heads, g1) + x  # Eqs. 6 to 9
    a2 = read_cells(
        a1, pool(a1, g2), parts.wq2, parts.wk2, parts.wv2, parts.heads
    )  # 10 to 13
    return output(a1, a2, parts.wp, x)  # 14


theirs = x + block_2_1.attn(x, g1, g2)
print(f"largest difference: {(paper(x, parts, g1, g2) - theirs).abs().max():.2f}")
print(f"the numbers themselves go up to {theirs.abs().max():.2f}")

# %% [markdown]
# It does not. Nothing is wrong with your functions: the paper's text leaves out something that the authors' released model
# has. (`hatnet` follows the release, so that its weights fit.)
#
# ## Where the released model differs
#
# | | the paper's text | the release |
# |---|---|---|
# | before Eq. 6 | windows of X | windows of **norm**(X); the residual of Eq. 9 is still X |
# | after Eq. 9 | | **grid_norm**; Eqs. 10 to 14 read its result |
# | after Eq. 10 | | **ds_norm** on the pooled map |
# | "+ X" of Eq. 14 | inside H-MHSA | outside, in the block |
# | which norm | not stated | **group norm with one group** |
#
# ### One norm for everything: GroupNorm(1)
#
# Most transformers use layer norm: each token is normalised by itself, over its channels. The release uses one mean and one
# variance for the **whole image**, over all channels and all tokens; then each channel is scaled and shifted by numbers of its
# own:
#
# $$\mathrm{norm}(\mathbf{X})=\frac{\mathbf{X}-\mathrm{mean}}{\sqrt{\mathrm{variance}+10^{-6}}}\cdot\mathrm{weight}+\mathrm{bias}$$


# %%
def group_norm(x, weight, bias):
    """x [b, c, h, w], weight and bias [c] -> the same shape, with one mean and variance for each image."""
    # TODO norm: subtract the mean of each image, divide by the square root of its variance plus
    # 1e-6 (over all N channels and tokens, divided by N); scale and shift each channel.
    # solution
    axes = (1, 2, 3)
    centred = x - x.mean(axes, keepdim=True)
    variance = centred.square().mean(axes, keepdim=True)
    return centred / (variance + 1e-6).sqrt() * weight[:, None, None] + bias[:, None, None]
    # end


# %%
checks.group_norm(group_norm)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `x.mean((1, 2, 3), keepdim=True)` has shape `[b, 1, 1, 1]`. The variance is the mean of the squared, centred numbers. `weight[:,
# None, None]` fits `[b, c, h, w]`.
#
# </details>

# %% [markdown]
# **Now predict.** Notebook 2 showed that local attention stays inside its window. Now put this norm in front of it: we change
# one token by 1, and run `norm` and then `near`. Which outputs change?

# %%
changed = x.clone()
changed[0, :, 7, 10] += 1
layers = (parts.wq1, parts.wk1, parts.wv1, heads, g1)
norm = partial(group_norm, weight=parts.norm.weight, bias=parts.norm.bias)
without = (near(changed, *layers) - near(x, *layers)).abs().amax(1)[0]
with_norm = (near(norm(changed), *layers) - near(norm(x), *layers)).abs().amax(1)[0]
inside = without > 0
print(f"without norm: {inside.sum()} outputs change")
print(
    f"with norm:    {(with_norm > 0).sum()} change: in the window by up to {with_norm[inside].max():.3f},"
)
print(f"              outside by up to {with_norm[~inside].max():.4f}")
photo = photograph("cat_chelsea")
show(
    {
        "without norm": maps.marked_map(
            without.sqrt().numpy(), "local", (7, 10), photo, "root of the change"
        ),
        "with norm": maps.marked_map(
            with_norm.sqrt().numpy(), "local", (7, 10), photo, "root of the change"
        ),
    },
    "How much each output changes. Without norm: one window. With norm: a little everywhere.",
)

# %% [markdown]
# All of them, but only weakly (the pictures show the square root of the change, so that small changes can be seen): mean and
# variance carry a little of every token to every other. So no attention map of this model tells the whole story.
#
# ### The release's H-MHSA
#
# Now put the three norms where the table says. `parts.norm`, `parts.grid_norm` and `parts.ds_norm` are functions of a map. Leave
# out the "+ X" of Eq. 14: the block adds it.


# %%
def hmhsa(x, parts, g1, g2):
    """The released H-MHSA without its "+ X": a map [b, c, h, w] -> a map of the same shape.

    parts has the layers wq1 wk1 wv1 wq2 wk2 wv2 wp, the number `heads`, and norm, grid_norm, ds_norm.
    """
    # TODO Eqs. 6 to 14 as released: `paper` from above, with norm, grid_norm and ds_norm in
    # their places, and without the last "+ X".
    # solution
    local = near(parts.norm(x), parts.wq1, parts.wk1, parts.wv1, parts.heads, g1)
    a1 = parts.grid_norm(local + x)
    cells = parts.ds_norm(pool(a1, g2))
    a2 = read_cells(a1, cells, parts.wq2, parts.wk2, parts.wv2, parts.heads)
    return output(a1, a2, parts.wp, 0)
    # end


# %%
checks.hmhsa(hmhsa)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Start from a copy of `paper`. `near` takes `parts.norm(x)`, but x itself is added to its result. Wrap `grid_norm` around
# that sum, and `ds_norm` around `pool(...)`. With 0 in place of x, `output` adds nothing.
#
# </details>

# %%
mine, theirs = hmhsa(x, parts, g1, g2), block_2_1.attn(x, g1, g2)
print(f"largest difference from hatnet: {(mine - theirs).abs().max():.1e}")
assert torch.allclose(mine, theirs, atol=1e-5, rtol=1e-5)

# %% [markdown]
# Your `hmhsa` and `hatnet.attention.HMHSA` are the same function. Open `hatnet/attention.py`: `local_step`, `global_step` and `forward` have these lines,
# in this order.
#
# ## SiLU
#
# Between the layers of the MLP there is a nonlinear function. The paper uses SiLU: each number times its own sigmoid,
# $x\cdot\frac{1}{1+e^{-x}}$.


# %%
def silu(x):
    """Each number times its sigmoid."""
    # TODO SiLU: x times sigmoid(x).
    # solution
    return x * torch.sigmoid(x)
    # end


# %%
checks.silu(silu)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `torch.sigmoid(x)`.
#
# </details>

# %% [markdown]
# **Now predict.** What is SiLU of −10, of 0 and of 10? And what is its smallest value?

# %%
print("SiLU(-10), SiLU(0), SiLU(10):", silu(torch.tensor([-10.0, 0.0, 10.0])).tolist())
line = torch.linspace(-5, 5, 1001)
print(f"smallest: {silu(line).min():.3f}, at {line[silu(line).argmin()]:.2f}")

# %% [markdown]
# ## The block: two residuals
#
# Fig. 1 of the paper, in words: attention adds to the tokens, then the MLP adds to the tokens (Eq. 4).


# %%
def block(x, attention, mlp):
    """x [b, c, h, w]; attention and mlp are functions of such a map -> [b, c, h, w]."""
    # TODO block: add the output of attention; then add the output of the MLP for that sum.
    # solution
    x = x + attention(x)
    return x + mlp(x)
    # end


# %%
checks.block(block)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Two lines. The MLP reads the sum that the first one makes.
#
# </details>


# %%
def mlp(x, theirs):
    """The release's MLP with your norm and your SiLU: expand, mix 3 x 3 neighbours, reduce."""
    x = group_norm(x, theirs.norm.weight, theirs.norm.bias)
    x = silu(F.linear(x.movedim(1, -1), theirs.expand.weight)).movedim(-1, 1)
    x = silu(F.conv2d(x, theirs.depthwise.weight, padding=1, groups=x.shape[1]))
    x = F.linear(x.movedim(1, -1), theirs.reduce.weight).movedim(-1, 1)
    return group_norm(x, theirs.out_norm.weight, theirs.out_norm.bias)


def my_block(x, theirs, g1, g2):
    """A trained block of hatnet, computed by your functions."""
    return block(
        x,
        lambda x: hmhsa(x, parts_of(theirs.attn), g1, g2),
        lambda x: mlp(x, theirs.mlp),
    )


worst = (my_block(x, block_2_1, g1, g2) - block_2_1(x, g1, g2)).abs().max()
print(f"the whole block: largest difference from hatnet {worst:.1e}")
assert worst < 1e-4

# %% [markdown]
# ## The whole network
#
# Six hierarchical blocks in stages 2 and 3 run on your functions; the stem, the downsampling, the plain last stage and the
# classifier are the model's.
#
# **Now predict.** Will it still see a cat? And what if you leave out only `grid_norm`, in all six blocks?


# %%
def my_network(image, run_block):
    x = model.stem(image)
    for stage, g1, g2 in zip(
        model.stages[:2], model.config.g1, model.config.g2, strict=True
    ):
        x = stage.downsample(x)
        for each in stage.blocks:
            x = run_block(x, each, g1, g2)
    x = model.stages[2].downsample(x)
    for each in model.stages[2].blocks:
        x = each(x)
    return model.forward_head(x)


def forgetful(x, theirs, g1, g2):
    parts = parts_of(theirs.attn)
    parts.grid_norm = lambda x: x
    return block(x, lambda x: hmhsa(x, parts, g1, g2), lambda x: mlp(x, theirs.mlp))


runs = {
    "hatnet": model(image),
    "your functions": my_network(image, my_block),
    "without grid_norm": my_network(image, forgetful),
}
for name, logits in runs.items():
    chance, best = logits.softmax(-1)[0].max(-1)
    difference = (logits - runs["hatnet"]).abs().max()
    print(
        f"{name:18} {info.classes[best]:11} {chance:5.1%}   logits differ by {difference:.1e}"
    )
assert torch.allclose(runs["your functions"], runs["hatnet"], atol=1e-4)

# %% [markdown]
# You have now computed every number between the stem and the last stage yourself. None of your functions has a weight that
# depends on G₁ or G₂, which only say how tokens are grouped. So a trained model runs with other values too, and what that
# costs and saves is the subject of [notebook 5](05-cost.ipynb).
