# %% [markdown]
# # 4. Joining them: the block
#
# Local attention (notebook 2) and global attention (notebook 3) become one, H-MHSA, by Eq. 14. You put your own functions
# together, find out where the authors' released model departs from the paper's text, and match `hatnet`'s module to 1e-5; at
# the end, your code runs the whole trained network.
#
# **You will** write H-MHSA and a transformer block from the paper; say which norm reads what, and where each residual comes
# from; find out which parts of a block know where a token lies; and, at the end, write the MLP without any convolution of
# PyTorch.
#
# **You need** notebooks 2 and 3: you may copy your own functions from there (or from their solutions).
#
# **Run time** on a CPU: about 15 seconds. Working time: 75 minutes, and 45 more for the last exercise.
#
# **In the app:** with `make app` running, open [this block in
# Equations](http://localhost:8501/equations?image=cat_chelsea&checkpoint=cifar10&stage=2&block=1&equation=14&token=0.40,0.32).
#
# How it works: run the cells from top to bottom. Where it says `TODO`, write the code, then run the check below it. Hints
# and the solution are folded away; open one after another. Exercises are marked ● (one idea), ●● (several steps) or ●●● (hard
# and open).

# %%
from functools import partial
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from einops import rearrange

import hatnet
from tutorials.machinery.figures import maps
from tutorials.machinery.checks import joining as checks
from tutorials.machinery.checks.grading import agree
from tutorials.machinery.start import model_and_image, parts_of, photograph, show, split

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
# **Exercise 1** ● 10 minutes
#
# Three functions hold what notebooks 2 and 3 built. `near` is Eqs. 6 to 8: windows, attention in each, back on the map; **no
# residual yet**. Eqs. 10 to 13 are in two parts, because something will come between them: `pool` (Eq. 10) and `read_cells`
# (Eqs. 11 to 13).
#
# Bring your own. The checks are stricter than those you know: `near` leaves out the residual of Eq. 9, and all three must work
# in float64, too, and leave their input as it is.


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
    ones = F.pad(torch.ones(b, 1, h, w), padding)
    real = rearrange(ones, to_windows, i=g, j=g)[..., 0] > 0
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
#
# <details><summary>Next hint: a result in float32 where the input was float64</summary>
#
# `torch.zeros(...)` is float32 whatever your input is. `x.new_zeros(...)` makes zeros like `x`.
#
# </details>

# %% [markdown]
# ## Eq. 14: join, project, add
#
# **Exercise 2** ● 5 minutes
#
# $$\mathrm{H\text{-}MHSA}(\mathbf{X})=(\mathbf{A}_1+\mathbf{A}_2)\,\mathbf{W}^p+\mathbf{X} \tag{14}$$
#
# The local result $\mathbf{A}_1$ and the global result $\mathbf{A}_2$ are added, token by token. One matrix $\mathbf{W}^p$
# mixes the heads of both. Then the block's input is added.


# %%
def output(a1, a2, wp, x):
    """Three maps [b, c, h, w] -> one. wp is a layer on the last axis: call it on [b, h, w, c]."""
    # TODO Eq. 14: which of the three maps does wp mix, and which does it leave alone?
    # solution
    mixed = wp(rearrange(a1 + a2, "b c h w -> b h w c"))
    return rearrange(mixed, "b h w c -> b c h w") + x
    # end


# %%
checks.output(output)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Read the equation from the inside: the parentheses first, then the matrix, then the sum.
#
# </details>
#
# <details><summary>Next hint</summary>
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
# $\mathbf{W}_2^v$: with its weights and its bias twice as large, $\mathbf{A}_2$ is twice as large.
#
# </details>

# %% [markdown]
# ### The paper's H-MHSA
#
# These functions are all of Eqs. 6 to 14, word for word as the paper has them. **Now predict:** does the trained model agree
# with them?

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
# It does not. Nothing is wrong with your functions: the paper's text leaves out three norms that the authors' released model
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
# So the A₁ that notebook 3 began with was not yet the A₁ of Eq. 9: it had been through `grid_norm`.
#
# ### One norm for everything: GroupNorm(1)
#
# **Exercise 3** ●● 10 minutes
#
# Most transformers use layer norm: each token is normalised by itself, over its channels. The release uses one mean and one
# variance for the **whole image**, over all channels and all tokens; then each channel is scaled and shifted by numbers of its
# own:
#
# $$\mathrm{norm}(\mathbf{X})=\frac{\mathbf{X}-\mathrm{mean}}{\sqrt{\mathrm{variance}+10^{-6}}}\cdot\mathrm{weight}+\mathrm{bias}$$


# %%
def group_norm(x, weight, bias):
    """x [b, c, h, w], weight and bias [c] -> the same shape, with one mean and variance for each image."""
    # TODO norm: the formula above. Over which axes do mean and variance go, and what does the
    # square root hold?
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
# One mean and one variance for each image: so of `[b, c, h, w]` only `b` is left. Which of the two sums, over all numbers or
# over all but one, is a mean?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `x.mean((1, 2, 3), keepdim=True)` has shape `[b, 1, 1, 1]`. The variance is the mean of the squared, centred numbers
# (`x.var` divides by one number fewer, unless you tell it not to). `weight[:, None, None]` fits `[b, c, h, w]`.
#
# </details>

# %% [markdown]
# **Now predict.** Notebook 2 showed that local attention stays inside its window. Now put this norm in front of it: we change
# one token by 1, and run `norm` and then `near`. Which outputs change?

# %%
# In float64: float32 would round the smallest changes away.
precise = [layer.double() for layer in split(block_2_1.attn.qkv, 3)]
weight, bias = parts.norm.weight.double(), parts.norm.bias.double()
same, changed = x.double(), x.double()
changed[0, :, 7, 10] += 1


def change(before_near):
    """The largest change in any channel of each output of near(before_near(x)): [h, w]."""
    before, after = (
        near(before_near(each), *precise, heads, g1) for each in (same, changed)
    )
    return (after - before).abs().amax(1)[0]


without = change(lambda x: x)
with_norm = change(partial(group_norm, weight=weight, bias=bias))
inside = without > 0
print(f"without norm: {inside.sum()} outputs change, by up to {without.max():.3f}")
print(
    f"with norm:    {(with_norm > 0).sum()} change: in the window by up to {with_norm[inside].max():.3f},"
)
print(f"              outside by up to {with_norm[~inside].max():.4f}")
photo = photograph("cat_chelsea")
most = max(without.max(), with_norm.max()).sqrt().item()
pictures = {
    title: maps.marked_map(
        each.sqrt().numpy(), "local", (7, 10), photo, "√ of the change", most=most
    )
    for title, each in (("without norm", without), ("with norm", with_norm))
}
show(
    pictures,
    f"How much each output changes. Without norm: the {inside.sum()} of one window, by up to {without.max():.2f}. "
    f"With norm: all {(with_norm > 0).sum()}, in the window by up to {with_norm[inside].max():.2f}, "
    f"outside by up to {with_norm[~inside].max():.3f}.",
)

# %% [markdown]
# All of them, but only weakly (the pictures show the square root of the change, so that small changes can be seen): mean and
# variance carry a little of every token to every other. So no attention map of this model tells the whole story.
#
# ### The release's H-MHSA
#
# **Exercise 4** ●● 15 minutes
#
# Now put the three norms where the table says. `parts.norm`, `parts.grid_norm` and `parts.ds_norm` are functions of a map. Leave
# out the "+ X" of Eq. 14: the block adds it.


# %%
def hmhsa(x, parts, g1, g2):
    """The released H-MHSA without its "+ X": a map [b, c, h, w] -> a map of the same shape.

    parts has the layers wq1 wk1 wv1 wq2 wk2 wv2 wp, the number `heads`, and norm, grid_norm, ds_norm.
    """
    # TODO Eqs. 6 to 14 as released: `paper` from above, with the five changes of the table.
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
# Start from a copy of `paper`, and go through the table row by row. For each norm ask twice: what does it read, and who reads
# its result?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `near` takes `parts.norm(x)`, but x itself is added to its result. Wrap `grid_norm` around that sum, and `ds_norm` around
# `pool(...)`. With 0 in place of x, `output` adds nothing.
#
# </details>

# %%
agree([hmhsa(x, parts, g1, g2)], [block_2_1.attn(x, g1, g2)], "H-MHSA")

# %% [markdown]
# Your `hmhsa` and `hatnet.attention.HMHSA` are the same function. Open `hatnet/attention.py`: `local_step`, `global_step` and
# `forward` have these lines, in this order.
#
# ## The block: two residuals
#
# **Exercise 5** ● 5 minutes
#
# In Fig. 1 of the paper a block is a line that runs straight from bottom to top. Twice something leaves it and comes back: at
# the attention, and at the MLP (Eq. 4). The line itself is never cut.


# %%
def block(x, attention, mlp):
    """x [b, c, h, w]; attention and mlp are functions of such a map -> [b, c, h, w]."""
    # TODO block: what does each of the two functions read, and what is its result added to?
    # solution
    x = x + attention(x)
    return x + mlp(x)
    # end


# %%
checks.block(block)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Two lines, one for each function. Is the map that the MLP reads still the one that the attention read?
#
# </details>
#
# <details><summary>Next hint: "changed what it was given"</summary>
#
# `x += y` writes into the caller's x. `x = x + y` makes a new tensor.
#
# </details>

# %% [markdown]
# **Now predict.** What does a block return if all of its weights are 0, those of its norms and its biases included?
#
# <details><summary>Answer</summary>
#
# Its input. Both functions return 0, and only the straight line is left. This is what residuals are for: whatever a block does
# or has not yet learned to do, what came in is still there at its end, and gradients find the way back past it.
#
# </details>

# %% [markdown]
# ## The whole network
#
# Six hierarchical blocks in stages 2 and 3 run on your attention; for now the MLPs are the model's, and so are the stem, the
# downsampling, the plain last stage and the classifier.


# %%
def my_block(x, theirs, g1, g2):
    """A trained block of hatnet, with your attention and your residuals."""
    return block(x, lambda x: hmhsa(x, parts_of(theirs.attn), g1, g2), theirs.mlp)


def my_network(image, run_block):
    """The logits of the trained model, whose hierarchical blocks run_block(x, theirs, g1, g2) computes."""
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


agree([my_block(x, block_2_1, g1, g2)], [block_2_1(x, g1, g2)], "The first block")
agree([my_network(image, my_block)], [model(image)], "The logits")

# %% [markdown]
# **Now predict.** Will the network still see a cat if you leave out only `grid_norm`, in all six blocks?


# %%
def forgetful(x, theirs, g1, g2):
    """my_block without grid_norm."""
    parts = parts_of(theirs.attn)
    parts.grid_norm = lambda x: x
    return block(x, lambda x: hmhsa(x, parts, g1, g2), theirs.mlp)


for name, run_block in {"as released": my_block, "without grid_norm": forgetful}.items():
    chance, best = my_network(image, run_block).softmax(-1)[0].max(-1)
    print(f"{name:18} {info.classes[best]:11} {chance:5.1%}")

# %% [markdown]
# A norm looks like a detail, but every weight behind it was trained on numbers of its scale. Leave one out, and the trained
# weights are of little use.

# %% [markdown]
# ## Which part knows where a token lies?
#
# Attention compares what tokens *hold*. Nothing in Eq. 2 says where they lie, and HAT-Net adds no coordinates to them, as
# ViT does. So how can the network know the top of a picture from its bottom?
#
# Here is a test. Shuffle the tokens of a map, run one part of the block on it, and put the results back in order. A part
# that does not look at places returns what it returns without shuffling.
#
# **Now predict.** Four parts: plain attention (one window for the whole map), attention in windows of 4 × 4, the global step
# (queries shuffled, cells as they were), and the MLP with its 3 × 3 convolution. Which of them notice?

# %%
order = torch.randperm(h * w, generator=torch.Generator().manual_seed(0))
inverse = order.argsort()


def reordered(x, order):
    """The map x with its tokens in another order."""
    tokens = rearrange(x, "b c h w -> b c (h w)")[:, :, order]
    return rearrange(tokens, "b c (h w) -> b c h w", h=h)


local_layers = (parts.wq1, parts.wk1, parts.wv1, heads)
global_layers = (parts.wq2, parts.wk2, parts.wv2, heads)
cells = parts.ds_norm(pool(x, g2))
for name, part in {
    "plain attention": lambda x: near(x, *local_layers, max(h, w)),
    "windows of 4 x 4": lambda x: near(x, *local_layers, g1),
    "reading the cells": lambda x: read_cells(x, cells, *global_layers),
    "MLP": block_2_1.mlp,
}.items():
    straight, shuffled = part(x), reordered(part(reordered(x, order)), inverse)
    change = (shuffled - straight).abs().max() / straight.abs().max()
    says = "notices" if change > 1e-3 else "does not notice"
    print(f"{name:18} {says:16} (largest change {change:.1%} of the largest output)")

# %% [markdown]
# Reading is blind to places; **grouping** is not. Windows and cells decide who is whose neighbour, but inside a window all 16
# places are alike. Only a convolution tells left from right, because each of its nine weights belongs to a direction: here the
# depthwise convolution in each MLP, and the strided ones of the stem and between the stages.
#
# And how does a token learn that it lies at the *edge*? Convolutions pad the map with zeros. Give the trained MLP a map in
# which all tokens are alike:

# %%
alike = x.mean((2, 3), keepdim=True).expand_as(x)
result = block_2_1.mlp(alike)
centre = result[:, :, h // 2, w // 2, None, None]
edge = (result - centre).abs().amax(1)[0]
print(f"{(edge > 1e-4).sum()} of {h * w} tokens differ from the one in the centre")
show(
    maps.marked_map(edge.numpy(), "local", (h // 2, w // 2), photo, "difference"),
    "How much each token's output differs from the one in the centre, if all inputs are alike: "
    f"by up to {edge.max():.2f} in the outermost ring of tokens, and nowhere else.",
)

# %% [markdown]
# After one block the outermost tokens are marked; after the next, those beside them as well. Whatever this network knows of
# absolute position, it knows from padding: from that of its convolutions here, in the stem and between the stages.

# %% [markdown]
# ## Hard and open: the MLP by hand
#
# **Exercise 6** ●●● 45 minutes
#
# In the blocks of stages 2 and 3, the MLPs are the last thing that is not yours. As released, an MLP does this:
#
# 1. `norm`, as before;
# 2. `expand`: a linear layer on the channels of each token, C → E · C (E = 4 here), without bias; then SiLU;
# 3. a **depthwise** 3 × 3 convolution: every channel has nine weights of its own and is mixed with itself over the 3 × 3
#    neighbours of each token, never with another channel. Outside the map there are zeros; then SiLU;
# 4. `reduce`: a linear layer E · C → C, without bias;
# 5. `out_norm`.
#
# **SiLU** multiplies each number by a gate between 0 and 1, the sigmoid of the same number: $x\cdot\frac{1}{1+e^{-x}}$.
#
# Write all three functions without `torch.nn`, `F.conv2d`, `F.silu` or the like. There are several good ways for the
# convolution; find one that needs no loop over tokens. And $e^{x}$ is infinite in float32 from x = 89 on: your SiLU has to
# survive such numbers.


# %%
def silu(x):
    """Each number times its gate, for numbers of any size."""
    # TODO SiLU: which form of the gate never divides infinity by infinity?
    # solution
    return x * torch.sigmoid(x)
    # end


def depthwise(x, kernels):
    """x [b, c, h, w], kernels [c, k, k] with k odd -> [b, c, h, w].

    Output (y, z) of a channel is the sum of its neighbours (y + i, z + j), i and j from -(k // 2)
    to k // 2, each times the weight in row i and column j of the channel's kernel, counted from
    the kernel's centre. Neighbours outside the map are 0.
    """
    # TODO depthwise: what does one of the k * k weights of a channel do to the whole map at once?
    # solution
    k, (h, w) = kernels.shape[-1], x.shape[-2:]
    padded = F.pad(x, [k // 2] * 4)
    return sum(
        padded[:, :, i : i + h, j : j + w] * kernels[:, i, j, None, None]
        for i in range(k)
        for j in range(k)
    )
    # end


def mlp(x, parts):
    """x [b, c, h, w] -> [b, c, h, w].

    parts has norm and out_norm (functions of a map), expand and reduce (layers on the last
    axis) and kernels [E c, k, k].
    """
    # TODO MLP: the five steps of the list. Where do the channels have to be for each of them?
    # solution
    x = rearrange(parts.norm(x), "b c h w -> b h w c")
    x = rearrange(silu(parts.expand(x)), "b h w c -> b c h w")
    x = rearrange(silu(depthwise(x, parts.kernels)), "b c h w -> b h w c")
    return parts.out_norm(rearrange(parts.reduce(x), "b h w c -> b c h w"))
    # end


# %%
checks.silu(silu)
checks.depthwise(depthwise)
checks.mlp(mlp)

# %% [markdown]
# <details><summary>Hint</summary>
#
# One weight of the kernel, say that of the neighbour above, multiplies the whole map shifted down by one row. So the
# convolution is a sum of nine shifted maps. What comes in at the edge when you shift?
#
# </details>
#
# <details><summary>Next hint: shifting</summary>
#
# Pad the map once with k // 2 zeros on every side: `F.pad(x, [k // 2] * 4)`. A shifted map is then a slice of h rows and w
# columns. Where does the slice for the weight in the first row and column begin?
#
# </details>
#
# <details><summary>Next hint: SiLU</summary>
#
# $\frac{e^x}{1+e^x}$ is the same gate on paper, and `nan` in float32 for large x. `torch.sigmoid(x)` is written with care.
#
# </details>

# %% [markdown]
# Now the blocks of stages 2 and 3 are yours from end to end, norms included:


# %%
def my_norm(theirs):
    """Your group_norm with the weight and bias of a trained norm."""
    return partial(group_norm, weight=theirs.weight, bias=theirs.bias)


def all_mine(x, theirs, g1, g2):
    """A trained block of hatnet, computed by your functions alone."""
    attention = parts_of(theirs.attn)
    for name in ("norm", "grid_norm", "ds_norm"):
        setattr(attention, name, my_norm(getattr(attention, name)))
    own = SimpleNamespace(
        norm=my_norm(theirs.mlp.norm),
        expand=theirs.mlp.expand,
        kernels=theirs.mlp.depthwise.weight[:, 0],
        reduce=theirs.mlp.reduce,
        out_norm=my_norm(theirs.mlp.out_norm),
    )
    return block(x, lambda x: hmhsa(x, attention, g1, g2), lambda x: mlp(x, own))


agree([all_mine(x, block_2_1, g1, g2)], [block_2_1(x, g1, g2)], "The first block")
agree([my_network(image, all_mine)], [model(image)], "The logits")
line = torch.linspace(-5, 5, 1001)
print(f"SiLU is smallest at {line[silu(line).argmin()]:.2f}: {silu(line).min():.3f}")

# %% [markdown]
# ## What to remember
#
# - Eq. 14 adds what is near and what is far *before* one matrix mixes the heads; the input is added last.
# - The release has three norms that the equations omit, and each has one mean and one variance for the whole picture.
# - A block only ever adds to its input. Attention is blind to places; windows, cells, convolutions and their padding are not.
#
# None of your functions has a weight that depends on G₁ or G₂, which only say how tokens are grouped. So a trained model runs
# with other values too, and what that costs and saves is the subject of [notebook 5](05-cost.ipynb).
#
# **To go on by yourself:** the depthwise convolution is a sum over keys, just as attention is. Write down its "attention weights"
# for one channel as a matrix of 256 × 256. How many numbers in a row are not 0? What do these weights depend on, and what
# do those of Eq. 2 depend on?
