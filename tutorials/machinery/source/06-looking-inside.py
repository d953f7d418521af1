# %% [markdown]
# # 6. Looking inside
#
# **You will** read attention maps and know what each number in them means; find the seam between two windows; follow
# attention through two hops and through all blocks; write Integrated Gradients and Grad-CAM; and then test all of these maps.
# Some will fail.
#
# **You need** notebooks 2 to 4, and some idea of how gradients are computed in PyTorch.
#
# **Run time** on a CPU: about 40 seconds. Working time: 90 minutes, and 30 more for the open exercise.
#
# **In the app:** with `make app` running, [open this photograph in
# Explorer](http://localhost:8501/explorer?checkpoint=cifar10&image=cat_chelsea&stage=2&block=2) and [in
# Why?](http://localhost:8501/why?checkpoint=cifar10&image=cat_chelsea&stage=2&block=2).
#
# How it works: run the cells from top to bottom. Where it says `TODO`, write the code, then run the check below it. Hints
# and the solution are folded away; open one after another. Exercises are marked ● (one idea), ●● (several steps) or ●●● (hard
# and open).

# %%
import math
from contextlib import nullcontext

import numpy as np
import torch

import hatnet
from app.views.why import attribution
from app.views.why.evidence import NAMES, Evidence, Question
from app.views.why import scores as faithfulness
from tutorials.machinery.figures import faithfulness as curves, maps
from tutorials.machinery.figures.beside import beside
from app.core import overlay
from app.core.samples import SAMPLES
from hatnet.mechanisms import MECHANISMS
from tutorials.machinery.checks import looking_inside as checks
from tutorials.machinery.progress import progress
from tutorials.machinery.start import model_and_image, photograph, show

# %% [markdown]
# ## The maps of one forward pass
#
# `hatnet.attention_maps` runs a model once and returns its logits and the weights of Eq. 2 from every block: first the local
# step, then the global one. Nothing is stored in the model, and no hook is attached to it.
#
# The model here is small and comes with the project. It tells ten classes apart, in pictures of 32 × 32 pixels.

# %%
name = "cat_chelsea"
model, image, info = model_and_image("cifar10", name)
photo = photograph(name, 128)
with torch.no_grad():
    logits, records = hatnet.attention_maps(model, image)
target = logits[0].argmax().item()
print(
    f"The model says {info.classes[target]!r}, with probability "
    f"{logits[0].softmax(0)[target]:.2f}.\n"
)
for record in records:
    (down, across), (rows, columns) = record.query_grid, record.key_grid
    print(
        f"stage {record.stage}, block {record.block + 1}, {record.kind:6}: {down} x "
        f"{across} tokens read {rows} x {columns} keys each, ",
        end="",
    )
    print(f"{record.heads} heads")

# %% [markdown]
# Each line is one record. `record.row(y, x)` holds the **weights** that the token in row `y` and column `x` gives to its keys:
# `[heads, keys down, keys across]`, probabilities that sum to 1 in each head. Stage 4 has one record for each block, because
# it is plain attention.
#
# Code counts rows, columns, blocks and heads from 0. Text, figures and printed lines count them from 1, as the app does.
#
# We shall stay for a while with the two records of stage 2's last block, and with one token on the cat's face.


# %%
def place(token):
    """Where a token or a cell lies, in words: counted from 1."""
    return f"row {token[0] + 1}, column {token[1] + 1}"


near, far = records[2], records[3]
token = hatnet.token_at(SAMPLES[name].place, near.query_grid)
window, weights = near.window(*token), near.row(*token).mean(0).numpy()
over_cells = far.row(*token).mean(0).numpy()
most = float(max(weights.max(), over_cells.max()))
show(
    {
        "local: its own window": maps.local_map(
            weights, window, token, photo, near.query_grid, most
        ),
        "global: all cells": maps.global_map(
            over_cells, far.g2, token, photo, far.query_grid, most
        ),
    },
    f"Two maps of the token in {place(token)}, on one scale. Local, in its window: "
    f"{maps.describe(weights, 'token', *window[:2])} Global: {maps.describe(over_cells, 'cell')}",
)

# %% [markdown]
# Blue is local, orange is global, and the ring marks the token that reads. To compare the two steps, put both on the same
# token grid.
#
# ## A local row on the whole map
#
# **Exercise 1** ● 5 minutes
#
# A local row has as many numbers as its window has tokens. `record.window(y, x)` says where that window lies: top, left,
# height, width. Heads are averaged, as is usual (each may read something else, and averaging hides that).


# %%
def local_on_map(record, token):
    """The weights that a token gives to all tokens of the map: [h, w], 0 outside its window."""
    whole = torch.zeros(record.query_grid)
    top, left, height, width = record.window(*token)
    # TODO local map: which part of `whole` do the row's numbers belong to, and what becomes
    # of the heads?
    # solution
    whole[top : top + height, left : left + width] = record.row(*token).mean(0)
    # end
    return whole


# %%
checks.local_on_map(local_on_map)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The row is `record.row(*token)`, with the heads first. What shape is left of it once the heads are averaged, and what is
# the shape of the window?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `whole[a:b, c:d] = ...` writes into a part of a tensor: the rows from `a` to `b` and the columns from `c` to `d`.
#
# </details>

# %% [markdown]
# ## A global row on the whole map
#
# **Exercise 2** ●● 10 minutes
#
# A global row has one number for each pooled cell. A cell's key is the mean of its tokens (Eq. 10), so its weight belongs to
# all of them: share it evenly. Where G₂ does not divide the map, the last cells hold fewer tokens.


# %%
def global_on_map(record, token):
    """The weights that a token gives to all tokens of the map, through their cells: [h, w]."""
    h, w = record.query_grid
    cells = record.row(*token).mean(0)  # [cells down, cells across]
    row, column = (
        torch.arange(h) // record.g2,
        torch.arange(w) // record.g2,
    )  # the cell of each row, and of each column
    # TODO global map: how many tokens divide a cell's weight, and which cell is each token's?
    # solution
    size = row.bincount()[:, None] * column.bincount()[None, :]
    return (cells / size)[row][:, column]
    # end


# %%
checks.global_on_map(global_on_map)

# %% [markdown]
# <details><summary>Hint</summary>
#
# First divide each cell's weight by its number of tokens, then repeat the result over these tokens. In which cells is the
# number not G₂²?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `row.bincount()` counts the rows of tokens in each row of cells; with the columns it gives each cell's number of tokens.
# `cells[row]` repeats rows of cells over rows of tokens.
#
# </details>

# %% [markdown]
# **Now predict.** Of the 256 tokens, how many get a weight above 0 from our token: locally, and globally?

# %%
for kind, whole in (
    ("local", local_on_map(near, token)),
    ("global", global_on_map(far, token)),
):
    print(
        f"{kind:6}  {int((whole > 0).sum())} of {whole.numel()} tokens, {whole.sum():.3f} together"
    )

# %% [markdown]
# Softmax never gives a weight of 0. So every token of the window gets something, and so, through the cells, does every token
# of the map.
#
# ## The seam
#
# **Exercise 3** ● 5 minutes
#
# Take two tokens side by side, one before the right edge of a window and one beyond it. In the picture they are neighbours.
# Locally they never meet.


# %%
def seam(token, g1):
    """Two places (row, column): the last token of the window, and the one to its right."""
    y, x = token
    # TODO seam: which column is the last of the token's window? Return the two places, the
    # one before the edge first.
    # solution
    last = x // g1 * g1 + g1 - 1
    return (y, last), (y, last + 1)
    # end


# %%
checks.seam(seam)

# %% [markdown]
# <details><summary>Hint</summary>
#
# With G₁ = 4, windows begin at columns 0, 4, 8, ... (counted from 0). At which column does the window of column 6 begin, and
# at which does it end?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `x // g1` is the number of the window, so `x // g1 * g1` is its first column.
#
# </details>

# %% [markdown]
# **Now predict** four weights, each as "0" or "more than 0": what the token before the edge gives to its neighbour *inside*
# the window and to its neighbour *beyond the edge*, in the local step and in the global step.

# %%
before, beyond = seam((token[0], 5), near.g1)
inside = (before[0], before[1] - 1)
for kind, whole in (
    ("local", local_on_map(near, before)),
    ("global", global_on_map(far, before)),
):
    print(
        f"{kind:6}  from {place(before)} to its left, inside: {whole[inside].item():.4f}; "
        f"to its right, beyond the edge: {whole[beyond].item():.4f}"
    )
assert local_on_map(near, before)[beyond] == 0  # exactly

# %% [markdown]
# Not just small, but exactly 0, for this photograph and for every other. No training can change that, because the product of
# this query and this key is never computed. The global step restores the link, but only through a cell: the neighbour is one
# of the four tokens in a mean.
#
# Two remarks. Whether a *weight* is 0 is one question; whether a neighbour has *any influence* is another: the release's
# GroupNorm takes its mean and variance over the whole map, and so gives every token a weak influence on every window. And
# other mechanisms close the seam in other ways. Here are all five, untrained, at this pair of tokens:


# %%
def weight(record, token, other):
    """The weight that one token gives to another in one step, as the mean of the heads."""
    if record.layout.kind == "pooled":
        return global_on_map(record, token)[other].item()
    return local_on_map(record, token)[other].item()


print(f"{'':16} {'first step':>12} {'second step':>12}")
for word in MECHANISMS:
    torch.manual_seed(0)
    with torch.no_grad():
        _, untrained = hatnet.attention_maps(
            hatnet.create_model("hatnet_compact", 10, attention=word).eval(), image
        )
    print(
        f"{word:16} {weight(untrained[0], before, beyond):12.4f} "
        f"{weight(untrained[1], before, beyond):12.4f}"
    )

# %% [markdown]
# Windows alone never join the two. Shifting the windows (Swin) joins them in the second step, and makes a seam elsewhere.
# Pooled and full attention have no seam: the first reads means only, never a single token; the second pays for every pair.

# %% [markdown]
# ## Two hops
#
# **Exercise 4** ●● 10 minutes
#
# Within one block, information reaches a token on two paths (Eq. 14 adds them):
#
# - **directly**, from the tokens of its window, by A₁;
# - **through a cell**: the token reads a cell, the cell is the mean of its tokens, and these have first read *their* windows.
#
# Write each as a matrix whose rows sum to 1: a row for each token that reads, a column for each token or cell that is read.
# The local step is A_loc `[n, n]`; with its residual (Eq. 9) it becomes ½ (I + A_loc). The global step is A_glob
# `[n, cells]`, and Pool `[cells, n]` spreads each cell over its tokens. Then
#
# $$\text{two hops} = \tfrac12\, A_\text{glob}\, \text{Pool}\, \tfrac12 (I + A_\text{loc}) + \tfrac12 \cdot \tfrac12 (I + A_\text{loc})$$
#
# Read a product from the left: it starts at the token that reads, and works back towards the sources. Its numbers are no
# longer weights of Eq. 2, but products of weights and halves. We call them **shares**: of all that reaches a token, the part
# that comes from a source.


# %%
def two_hop(a_loc, a_glob, pool):
    """The share of every token (column) in every token (row): [n, n], rows sum to 1."""
    once = (torch.eye(len(a_loc)) + a_loc) / 2
    # TODO two hops: the formula above. Where in it does `once` stand?
    # solution
    return (a_glob @ pool @ once + once) / 2
    # end


# %%
checks.two_hop(two_hop)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `once` is the local step with its residual, already halved. It stands in the formula twice.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# The path through the cells is a product of three matrices; the one nearest to the token that reads comes leftmost. `@`
# multiplies matrices.
#
# </details>

# %% [markdown]
# Now build the real matrices from your own functions: one row for each of the 256 tokens. The result is compared with
# `hatnet.rollout.two_hop`, which the app uses, and which never lays these matrices out.

# %%
h, w = near.query_grid
tokens = [(y, x) for y in range(h) for x in range(w)]
a_loc = torch.stack([local_on_map(near, each).flatten() for each in tokens])
a_glob = torch.stack([far.row(*each).mean(0).flatten() for each in tokens])
cell_of = torch.tensor([y // far.g2 * (w // far.g2) + x // far.g2 for y, x in tokens])
pool = torch.nn.functional.one_hot(cell_of).T / far.g2**2
hops = two_hop(a_loc, a_glob, pool)
difference = (hops.view(-1, h, w) - hatnet.rollout.two_hop(near, far)).abs().max().item()
print(
    f"rows sum to {hops.sum(1).min():.4f} .. {hops.sum(1).max():.4f}; largest "
    f"difference from hatnet: {difference:.0e}"
)
assert difference < 1e-5

# %% [markdown]
# **Now predict.** A single path runs: token ← cell ← one token of the cell ← one source. Its share is the product along the
# way. There are 64 cells, 4 tokens in each, and 16 sources for each of those. Will the strongest single path carry about
# 50 %, 10 % or 2 %?
#
# <!-- not printed here: 10 % (a choice to guess from) -->

# %%
query = tokens.index(token)
once = (torch.eye(h * w) + a_loc) / 2
paths = (
    a_glob[query][:, None, None] / 2 * pool[:, :, None] * once[None]
)  # [cells, tokens of the cell, sources]
shares, order = paths.flatten().topk(5)
for share_of, index in zip(shares.tolist(), order.tolist(), strict=True):
    cell, via, source = (int(n) for n in np.unravel_index(index, paths.shape))
    print(
        f"{share_of:.2%}: {place(token)} ← cell in {place(divmod(cell, w // far.g2))} "
        f"← {place(tokens[via])} ← {place(tokens[source])}"
    )
print(
    f"All {int((paths > 0).sum()):,} paths through cells together: {paths.sum():.0%}; "
    f"the direct ones: {1 - paths.sum():.0%}."
)
direct, through = once[query].view(h, w) / 2, paths.sum((0, 1)).view(h, w)
window, cells = near.window(*token), overlay.cells(far.g2, (h, w))
tiles = {
    "direct": ("local", direct, [window]),
    "through cells": ("global", through, cells),
}
figures = {
    title: maps.marked_map(100 * part.numpy(), kind, token, photo, "share, %", boxes)
    for title, (kind, part, boxes) in tiles.items()
}
show(
    beside(figures, height=230),
    f"Where the information of the token in {place(token)} comes from. Directly, from its "
    f"own window: {direct.sum():.0%}, from one token up to {direct.max():.1%}. Through the "
    f"cells, from the whole map: {through.sum():.0%}, from one token up to "
    f"{through.max():.1%}.",
)

# %% [markdown]
# No single path carries much. What a token knows of distant places comes in thousands of small parts. (The two maps have scales
# of their own: on that of the left one, the right one would be dark.)

# %% [markdown]
# ### One row, without the matrices
#
# **Exercise 5** ●●● 30 minutes, open
#
# At 224 pixels, stage 2 has 3,136 tokens, and each of these matrices almost ten million numbers. The app shows one row of the
# product, and computes only that. Do the same: no scaffold this time, and no `hatnet.rollout`. Your function must also work where
# G₁ or G₂ does not divide the map, so windows and cells at the edge hold fewer tokens. The functions of exercises 1 and 2 will
# help.
#
# Take the mean over the heads in each step before you multiply: head 1 of the local step and head 1 of the global step are
# different heads.


# %%
def two_hop_row(near, far, token):
    """The share of every token in one token, from the two records of a block: [h, w], sums to 1."""
    # TODO one row: which cells does the token read, which tokens make up a cell, and what have
    # these read? And what reaches the token directly?
    # solution
    # Half arrives through the cells, half directly.
    cells = global_on_map(far, token)
    direct = torch.zeros_like(cells)
    direct[token] = 1
    arriving = (cells + direct) / 2
    local = torch.zeros_like(cells)
    for y, x in arriving.nonzero().tolist():
        local += arriving[y, x] * local_on_map(near, (y, x))
    return (arriving + local) / 2
    # end


# %%
checks.two_hop_row(two_hop_row)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Factor the formula: ½ (A_glob Pool + I) · ½ (I + A_loc). The row of the first factor is a map of the whole token grid, and you
# can write it down at once.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `global_on_map(far, token)` is the token's row of A_glob Pool, and the row of I is 1 at the token itself. Each token of this
# map then hands on half of its share to itself, and the other half to the tokens of its own window.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# A loop over the tokens is good enough: add `arriving[y, x] * local_on_map(near, (y, x))` for each of them.
#
# </details>

# %% [markdown]
# Your row on the larger model that comes with the project: stage 4, where 14 × 14 tokens read windows of 7 × 7 and cells of
# 2 × 2. `hatnet.rollout` gives the same.

# %%
large, tower, about = model_and_image("objects224", "church_1")
with torch.no_grad():
    logits, larger = hatnet.attention_maps(large, tower)
wide, wider = (r for r in larger if (r.stage, r.block) == (4, 3))
corner = hatnet.token_at(SAMPLES["church_1"].place, wide.query_grid)
mine = two_hop_row(wide, wider, corner)
theirs = hatnet.rollout.two_hop(wide, wider, [corner])[0]
print(
    f"The model says {about.classes[logits[0].argmax()]!r}. Largest difference from hatnet: "
    f"{(mine - theirs).abs().max():.0e}"
)
box = wide.window(*corner)
own = mine[box[0] : box[0] + box[2], box[1] : box[1] + box[3]].sum()
most = 100 * mine.flatten().topk(2).values[1].item()  # the token itself is off the scale
picture = photograph("church_1", 128)
title = "two hops, stage 4, block 4"
show(
    {
        title: maps.marked_map(
            100 * mine.numpy(), "global", corner, picture, "share, %", [box], most
        )
    },
    f"Two hops of the token in {place(corner)} of 14 x 14 on a cathedral: {mine.max():.0%} of "
    f"its information is its own, {own - mine.max():.0%} comes from the other tokens of its "
    f"window, {1 - own:.0%} from all others.",
)

# %% [markdown]
# The token itself, inside the ring, keeps more than any other gives: it is off the scale.

# %% [markdown]
# ## Rollout: through all blocks
#
# **Exercise 6** ●● 10 minutes
#
# The next block does the same again. *Attention rollout* (Abnar and Zuidema, 2020) follows attention through all of them:
# take each block's matrix, average it with the identity (because half of each token passes the block by its residual), and
# multiply.


# %%
def rollout(blocks):
    """Shares of the first block's tokens (columns) in the last block's tokens (rows).

    blocks: [n, n] each, the first block first.
    """
    # TODO rollout: what is multiplied, and in which order?
    # solution
    result = torch.eye(len(blocks[0]))
    for block in blocks:
        result = (torch.eye(len(block)) + block) / 2 @ result
    return result
    # end


# %%
checks.rollout(rollout)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Should each new block go to the left or to the right of what you have? A row of the product starts at a token of the last
# block, and works back.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# Begin with the identity, `torch.eye(len(blocks[0]))`, and go through the blocks from the first to the last. `block / 2 + ...`
# makes a new matrix; `block += ...` would change the one that you were given.
#
# </details>

# %% [markdown]
# `hatnet.rollout.rollout` does this for the whole model, and carries on through the downsampling between stages. On the two
# blocks of stage 2 it must agree with yours.

# %%
first = hatnet.rollout.two_hop(records[0], records[1]).flatten(1)
mine = rollout([first, hops])[query].view(h, w)
theirs = hatnet.rollout.rollout(records[:4], SAMPLES[name].place)
print(f"largest difference from hatnet: {(mine - theirs).abs().max():.0e}")

# %% [markdown]
# **Now predict.** Followed through all eight blocks of the model, and for the whole picture, will the map be sharper than the
# two-hop map of one block, or flatter?

# %%
whole = hatnet.rollout.rollout(records)
print(
    f"largest share times 256: {256 * hops[query].max():.1f} after one block, "
    f"{256 * whole.max():.1f} after all (1 is an even share)"
)

# %% [markdown]
# Flatter. Averages of averages approach the even share, and what is left often shows the architecture (edges, cells) as much
# as the picture. Remember this when you see a rollout map without a baseline.

# %% [markdown]
# ## What attention does not tell
#
# A weight says how much of a *value* is taken. It does not say what that value holds, whether it speaks for or against the
# class, or whether a later layer makes anything of it. Norms, values, the MLP and all signs are missing from every map so
# far. **Attention is not attribution.** For the question "which pixels made the model say *cat*?" there are methods that ask
# the model itself.
#
# ### Integrated Gradients
#
# **Exercise 7** ●● 15 minutes
#
# Follow the straight line from a picture without content, the *baseline*, to the photograph. At each point, find out how the
# class's logit changes with each pixel (its gradient). Take the mean of these gradients along the path, and multiply it by
# how far each pixel has moved:
#
# $$\text{IG} = (x - x_0) \cdot \frac{1}{n}\sum_{k=1}^{n} \nabla f\Big(x_0 + \tfrac{k - 1/2}{n}\,(x - x_0)\Big)$$
#
# With many points, the map adds up to f(x) − f(x₀): nothing is lost. This is called completeness, and it means something only
# if the baseline is stated. Ours is the mean colour, which is 0 after normalisation.


# %%
def integrated_gradients(forward, image, baseline, target, steps):
    """Integrated Gradients of logit `target`: [h, w], channels added.

    image, baseline [1, 3, h, w]; forward: images -> logits.
    """
    difference = image - baseline
    total = torch.zeros_like(image)
    for step in range(steps):
        # TODO IG, one point: where is f's gradient taken at this step? (The formula's k counts
        # from 1.) Call the place `point`; it needs a gradient.
        # solution
        point = (baseline + (step + 0.5) / steps * difference).requires_grad_()
        # end
        total += torch.autograd.grad(forward(point)[0, target], point)[0]
    # TODO IG: what else does the formula do with the sum of the gradients? Return [h, w].
    # solution
    return (difference * total / steps)[0].sum(0)
    # end


# %%
checks.integrated_gradients(integrated_gradients)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `point` is made from `baseline` and `difference`: with one step, it lies half way. `.requires_grad_()` at the end tells torch
# that its gradient is wanted.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# Try the formula with n = 2: the points lie at 1/4 and 3/4 of the way. For the map, multiply the mean gradient by how far each
# pixel has moved, take the one image of the batch, and add up its channels.
#
# </details>

# %% [markdown]
# Captum, a library of such methods, does the same with another rule for where the points lie.
#
# **Now predict.** With 32 points each, whose map will add up more closely to the rise of the logit, yours or Captum's?

# %%
baseline = torch.zeros_like(image)
mine = integrated_gradients(model, image, baseline, target, 32)
captum = torch.from_numpy(attribution.integrated_gradients(model, image, target))
with torch.no_grad():
    rise = (model(image) - model(baseline))[0, target].item()
print(
    f"the logit rises by {rise:.2f}; your map adds up to {mine.sum():.2f}, Captum's to "
    f"{captum.sum():.2f}"
)
print(
    "largest difference of the two maps: "
    f"{(mine - captum).abs().max() / captum.abs().max():.1%} of the largest value"
)

# %% [markdown]
# ### Grad-CAM
#
# **Exercise 8** ●● 10 minutes
#
# Grad-CAM uses the features of a stage instead of the pixels. How much does the class's logit change with each channel,
# on average over the tokens? That mean gradient is the channel's weight. The map is the weighted sum of the channels.
#
# Most implementations attach hooks to the model. But a model that is shared, as in the app, must not be touched. There is a
# simpler way: cut the model in two. `features` is the output of a stage, `head` is the rest of the model, from these features
# to the logits.


# %%
def grad_cam(features, head, target):
    """Grad-CAM of logit `target`: [h, w], without the usual clipping at 0.

    features [1, c, h, w]; head: features -> logits.
    """
    features = features.detach().requires_grad_()
    gradient = torch.autograd.grad(head(features)[0, target], features)[0]
    # TODO Grad-CAM: how much does each channel count, and what becomes of the channels?
    # solution
    weights = gradient.mean((2, 3), keepdim=True)
    return (weights * features)[0].sum(0).detach()
    # end


# %%
checks.grad_cam(grad_cam)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `gradient` has the shape of the features, `[1, c, h, w]`. The tokens are its last two axes: over these goes the mean that
# makes a channel's weight.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `keepdim=True` leaves the tokens' axes as 1 × 1, so that the product with the features works. The result has no batch and no
# channels. `.detach()` cuts it off from the gradient.
#
# </details>

# %% [markdown]
# **Now predict.** Stage 4 has 4 × 4 tokens for a picture of 32 × 32 pixels. Could its map tell the cat's eye from its brow?
#
# <details><summary>Answer</summary>
#
# No: one token stands for 8 × 8 pixels, a quarter of the picture in each direction. An earlier stage gives a finer map, but
# its features are further from the prediction.
#
# </details>

# %%
with torch.no_grad():
    features = model.forward_features(image)[-1]
mine = grad_cam(features, model.forward_head, target)
captum = torch.from_numpy(attribution.grad_cam(model, image, target, stage=4))
print(
    f"on stage 4's {tuple(mine.shape)} tokens, largest difference from Captum: "
    f"{(mine - captum).abs().max():.0e}"
)

# %% [markdown]
# ### Side by side
#
# `app.views.why.attribution` computes these maps for the app, with Captum, and one more, Occlusion: a grey square moves over
# the picture, and each place is given the drop in the logit that it causes. Here are six maps of one photograph, on the same
# 16 × 16 squares and the same scale: black is nothing, and where the photograph is bare, a square has three times an even
# share or more. The next cell takes about five seconds.


# %%
def evidence(name):
    """All that the app's Why? page works out for a photograph, by the same code."""
    _, image, info = model_and_image("cifar10", name)
    with torch.no_grad():
        logits, records = hatnet.attention_maps(model, image)
    question = Question(
        image=image,
        target=logits[0].argmax().item(),
        g1=info.config.g1,
        g2=info.config.g2,
        stage=2,
        block=1,
        head=None,
        place=SAMPLES[name].place,
        grid=records[0].query_grid,
    )
    found = Evidence(
        model,
        question,
        {(r.stage, r.block, r.kind): r for r in records},
        {},
        nullcontext(),
    )
    return found, found.work(lambda done, what: None)


cat, work = evidence("cat_chelsea")
for _ in progress(work, "tasks", len(cat.missing())):
    pass
small, highest = photograph(name, 100), {}
for three in (list(NAMES)[:3], list(NAMES)[3:]):
    tiles = {}
    for method in three:
        ring = cat.question.place if method in ("raw", "hops") else None
        tiles[NAMES[method]] = maps.uncovered(cat.importance(method), small, ring)
        at = np.unravel_index(cat.importance(method).argmax(), cat.squares)
        highest[NAMES[method]] = place(at)
    show(
        beside(tiles, height=200),
        "Three maps of the cat under a black veil, lifted where the method finds the picture "
        "important. The highest squares: "
        + "; ".join(f"{title}, {highest[title]}" for title in tiles),
    )

# %% [markdown]
# They disagree. Raw attention and two hops start at the ringed token; the others are about the whole prediction. Which one is
# right? Looking at them will not tell: a map that pleases the eye may have nothing to do with the model.

# %% [markdown]
# ## A test: take away what the map calls important
#
# **Exercise 9** ●● 10 minutes
#
# If a map is right, then the class should vanish quickly when its most important squares lose their content (**deletion**),
# and come back quickly when they are the first to return to an empty picture (**insertion**).


# %%
def deletion(forward, image, target, importance, steps):
    """The class's probability while the cells lose their content, the most important first.

    image [1, 3, H, W] becomes 0 there. importance: NumPy [rows, columns], cells that divide
    the image evenly. Returns steps + 1 numbers, from the whole image to none of it.
    """
    rows, columns = importance.shape
    tall, wide = image.shape[-2] // rows, image.shape[-1] // columns  # pixels of a cell
    # TODO order: in which order do the cells go? `order` holds their numbers, from 0 to
    # rows * columns - 1, counted row by row.
    # solution
    order = np.argsort(-importance.ravel())
    # end
    curve = []
    for step in range(steps + 1):
        left = image.clone()
        for cell in order[: round(step / steps * len(order))]:
            y, x = divmod(int(cell), columns)
            left[..., y * tall : (y + 1) * tall, x * wide : (x + 1) * wide] = 0
        with torch.no_grad():
            # TODO deletion: what does the model still think of the class? Append one number.
            # solution
            curve.append(forward(left)[0].softmax(0)[target].item())
            # end
    return curve


# %%
checks.deletion(deletion)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `np.argsort` sorts from small to large, and wants a flat array: `importance.ravel()`. Squares that speak against the class
# have a negative importance: they go last.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# The curve holds probabilities: the softmax, over the classes, of the logits of the one image, and of it the number of
# `target`. `.item()` makes a plain number of it.
#
# </details>

# %%
mine = deletion(model, image, target, cat.importance("gradients"), attribution.STEPS)
apps = attribution.curves(model, image, target, cat.importance("gradients"))[1]
print(
    "Integrated Gradients, deletion: largest difference from the app's curve "
    f"{np.abs(np.array(mine) - apps).max():.0e}"
)

# %% [markdown]
# The score of a curve is its mean height: low is good for deletion, high for insertion. But low compared with what? A random
# map gets a score too. So twelve random maps set the standard: *better than chance* means a score that only the best tenth of
# random maps would reach, *worse* one that only the worst tenth would.
#
# **Now predict.** Five photographs, six maps, two scores each. Which of the six are better than chance most often: the three
# that follow attention, or the three attributions?
#
# The next cell takes about 20 seconds.

# %%
names = ("cat_chelsea", "deer_moose", "bird_owl", "horse_herd", "bird_macaw")
signs = {"better": "+", "within": ".", "worse": "-"}
titles = NAMES | {"raw": "Raw", "gradients": "IG"}
count = {verdict: dict.fromkeys(NAMES, 0) for verdict in signs}
lines = []
for each in progress(names, "photographs"):
    found, work = evidence(each)
    for _ in work:
        pass
    random = [faithfulness.chance(found.curves("random")[:, kind]) for kind in (0, 1)]
    marks = []
    for method in NAMES:
        scores = [faithfulness.score(curve) for curve in found.curves(method)]
        verdicts = [
            faithfulness.outcome(score, chance, test)
            for score, chance, test in zip(scores, random, faithfulness.TESTS, strict=True)
        ]
        for verdict in verdicts:
            count[verdict][method] += 1
        marks.append(", ".join(signs[verdict] for verdict in verdicts))
    said = f"{SAMPLES[each].title}: {info.classes[found.question.target]!r}"
    lines.append(f"{said:26}" + "".join(f"{mark:>10}" for mark in marks))

print(f"{'insertion, deletion':26}" + "".join(f"{title:>10}" for title in titles.values()))
print("\n".join(lines))
for verdict in ("better", "worse"):
    print(
        f"{verdict + ' than chance, of 10':26}"
        + "".join(f"{count[verdict][method]:>10}" for method in NAMES)
    )
print(
    "\n+ better than chance, . within chance, - worse. In quotes: the model's prediction.\n"
    "The maps explain that prediction, right or wrong."
)
follow, ask = (
    sum(count["better"][method] for method in three)
    for three in (list(NAMES)[:3], list(NAMES)[3:])
)
print(f"Follow attention: {follow} of 30 better. Ask the model: {ask} of 30 better.")

# %% [markdown]
# How many marks would luck alone give? A random map is better than chance in one score of ten, by the definition of chance. So a
# single + proves nothing, and neither does a single photograph. The next cell takes the method with the most +, and shows what
# became of it on the cat: insertion on the left, deletion on the right.

# %%
best = max(NAMES, key=lambda method: count["better"][method])
luck = sum(
    math.comb(10, k) * 0.1**k * 0.9 ** (10 - k) for k in range(count["better"][best], 11)
)
print(
    f"Most often better than chance: {NAMES[best]}, in {count['better'][best]} of 10 scores. If "
    f"they were independent, one random map would get there once in {1 / luck:,.0f} times."
)
for kind, test in enumerate(faithfulness.TESTS):
    chance = faithfulness.chance(cat.curves("random")[:, kind])
    for method in dict.fromkeys((best, "raw")):
        score = faithfulness.score(cat.curves(method)[kind])
        verdict = faithfulness.outcome(score, chance, test)
        print(
            f"cat, squares {test + ':':9} {NAMES[method]} {score:.2f}, chance {chance.low:.2f} "
            f"to {chance.high:.2f}: {faithfulness.IN_WORDS[verdict]}"
        )
tested = {NAMES[method]: cat.curves(method) for method in ("raw", best)}
others = cat.curves("random"), cat.curves("learned nothing")
answer = info.classes[cat.question.target]
show(curves.both_tests(answer, tested, *others), curves.both_alt(answer, tested, *others))

# %% [markdown]
# The grey band holds eight of ten random maps. A line inside it has shown nothing, however sensible its map looked; a line
# between the bands' two edges here may well be outside on another photograph. The dashed line is a warning of another kind:
# Occlusion asked a model with *random weights*, and its map is scored on the real one. Where even that beats chance, the test
# rewards something about the picture that has nothing to do with what the model has learned.
#
# Read the table for its overall tendency, not for single marks: five photographs are few, the two scores of one map are not
# independent, and pictures with holes are unlike anything the model was trained on. Compare the two last rows, too. To *be* an
# attribution method is no guarantee, and neither is to follow attention: test each map, in each setting in which you want to
# use it. A map that cannot beat a random one is no explanation of the prediction, however well it follows the cat.
#
# ## What to remember
#
# - A row of attention belongs to one step alone. Say which step, block, head and token.
# - Across a window's edge the local weight is exactly 0. The global step restores the link, through a cell.
# - Two hops and rollout show which paths are *open*. They leave out values, norms, the MLP and signs.
# - For "why this class?" use an attribution method with a stated baseline, and test it against random maps.
#
# **Go on:** [7. Train one](07-train-one.ipynb), where we know which place attention *should* read. Or try this: in
# `Question`, take one head instead of the mean (`head=0` is the first), or the first block (`block=0`). Does raw attention do
# better?
