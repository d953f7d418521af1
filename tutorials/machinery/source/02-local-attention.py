# %% [markdown]
# # 2. Local attention
#
# Reading every token is expensive (notebook 1). The first half of the paper's answer is to read only the tokens **nearby**.
# The map is cut into windows, and attention runs inside each of them. You write Eqs. 6 to 9, meet the mistake that everybody
# makes once, and handle maps that the windows do not fit.
#
# **You will** cut a map into windows and put it together again; explain why `(gh i)` is not `(i gh)`; hide tokens that do not
# exist; say what local attention cannot do, and build the way in which Swin goes about it.
#
# **You need** notebook 1, or some knowledge of queries, keys, values and softmax.
#
# **Run time** on a CPU: about 15 seconds. Working time: 75 minutes, and 45 more for the last exercise.
#
# **In the app:** with `make app` running, open [this block in
# Equations](http://localhost:8501/equations?image=cat_chelsea&checkpoint=cifar10&stage=2&block=1&equation=6&token=0.40,0.32).
#
# How it works: run the cells from top to bottom. Where it says `TODO`, write the code, then run the check below it. Hints
# and the solution are folded away; open one after another. Exercises are marked ● (one idea), ●● (several steps) or ●●● (hard
# and open).

# %%
import torch
import torch.nn.functional as F
from einops import rearrange

import hatnet
from tutorials.machinery.checks import local_attention as checks
from tutorials.machinery.checks.grading import agree
from tutorials.machinery.figures import maps
from tutorials.machinery.start import model_and_image, photograph, show, split

# %% [markdown]
# We work in the first block of stage 2 of a small HAT-Net: 16 × 16 tokens of 48 channels, 2 heads of 24, and windows of 4 × 4
# tokens (G₁ = 4). `x` is the block's input for a photograph of a cat.

# %%
model, image, info = model_and_image("cifar10", "cat_chelsea")
# A block of the model, its input for this image, and its G1 and G2.
block, x, g1, g2 = hatnet.block_input(model, image, stage=2, block=0)
b, c, h, w = x.shape
heads, token = 2, hatnet.token_at((0.40, 0.32), (h, w))
photo = photograph("cat_chelsea")
print(f"x: {b} image, {c} channels, {h} x {w} tokens; G1 = {g1}")
print(f"our token: row {token[0] + 1}, column {token[1] + 1}, counted from 1 as in the app")

# %% [markdown]
# ## Eq. 6: cut the map into windows
#
# **Exercise 1** ●● 10 minutes
#
# $$\mathbf{X}\in\mathbb{R}^{H\times W\times C}\;\to\;\mathbf{X}_1\in\mathbb{R}^{(\frac{H}{G_1}\times\frac{W}{G_1})\times(G_1\times G_1)\times C} \tag{6}$$
#
# In words: `x` has 16 × 16 tokens. With G₁ = 4 there are 4 × 4 = 16 windows of 4 × 4 = 16 tokens each. Windows take the place
# of images: each is a separate list of tokens, and attention never leaves it.
#
# The axes have names: `gh gw` say which window (down, across), `i j` which place inside it. So a token's row in the map is
# made up of `gh` and `i`.
#
# `rearrange` splits an axis if the left side says what it is made of and one of the sizes is given. On a street of 12 houses,
# `rearrange(street, "(block house) -> block house", house=4)` gives 3 blocks: houses 0 to 3, 4 to 7, 8 to 11. In parentheses
# the **last name counts fastest**.


# %%
def partition(x, g):
    """A map [b, c, h, w] -> its windows of g x g neighbours, [(b gh gw), (i j), c]; g divides h and w."""
    # TODO Eq. 6: of which two names is a row of the map made up, of which two a column, and in
    # which order?
    # solution
    return rearrange(x, "b c (gh i) (gw j) -> (b gh gw) (i j) c", i=g, j=g)
    # end


# %%
checks.partition(partition)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Two tokens of a window that lie one below the other also do so in the map: their `i` differs by 1, and so does their row.
# Which of `gh` and `i` counts faster, then?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# The left side is `b c (gh i) (gw j)`. The sizes of `i` and `j` are `g`; `rearrange` works out the number of windows by
# itself. (With `view`: split both axes, `permute`, then `reshape`. A `reshape` alone gives strips, not squares.)
#
# </details>

# %% [markdown]
# ### The mistake
#
# `(gh i)` and `(i gh)` give tensors of the same shape. There is no error message, and a network could be trained with either.
# Let us look at the difference.
#
# **Now predict.** With `(i gh)`, which tokens are in one window with ours?
#
# The next cell numbers the tokens of a map from 0 to 255, cuts the map both ways, and marks the tokens that end up in one
# window with ours.

# %%
numbers = torch.arange(h * w).view(1, 1, h, w)
our_number = token[0] * w + token[1]


def companions(windows):
    """Which tokens are in one window with ours: a map of True and False."""
    (ours,) = [window for window in windows[..., 0] if our_number in window]
    return torch.isin(numbers[0, 0], ours).numpy()


right = companions(partition(numbers, 4))
wrong = companions(rearrange(numbers, "b c (i gh) (j gw) -> (b gh gw) (i j) c", i=4, j=4))
show(
    {
        "(gh i): neighbours": maps.marked_map(
            right, "local", token, photo, "in our window"
        ),
        "(i gh): dilated": maps.marked_map(wrong, "local", token, photo, "in our window"),
    },
    f"Left, (gh i): a block of 4 by 4 neighbours, {right.sum()} tokens, ours among them. "
    f"Right, (i gh): {wrong.sum()} tokens again, but every fourth of the whole map.",
)

# %% [markdown]
# With `(i gh)` each window holds every fourth token of the whole picture. The shapes do not show this, but two quick tests
# do:
#
# - cut a **map of row numbers**: the first and the last row of a window must be G₁ − 1 apart;
# - change **one token** and see which outputs change.

# %%
rows_of_map = torch.arange(16.0).view(1, 1, 16, 1).expand(1, 1, 16, 16)
windows = partition(rows_of_map, 4)
apart = (windows.amax(1) - windows.amin(1)).unique().tolist()
print("first and last row of a window, rows apart:", apart)

# %% [markdown]
# ## Windows that do not fit
#
# **Exercise 2** ●● 10 minutes
#
# If a map has 7 × 11 tokens and windows are 3 × 3, one row and two columns are left over. So the map is padded with
# zeros **at the bottom and on the right**, to 9 × 12, and we keep track of which tokens are real.
#
# `-7 % 3` is 2 in Python: exactly what is missing. `-9 % 3` is 0. And `F.pad(x, (left, right, top, bottom))` pads the last
# two axes.


# %%
def partition_any(x, g):
    """A map of any size -> (x1, real).

    x1: the windows [(b gh gw), (i j), c]. real: which of their tokens belong to the map,
    bool [(b gh gw), (i j)].
    """
    # TODO partial windows: how much padding does each side need, and what map, cut in the same
    # way, says which tokens are real?
    # solution
    b, _, h, w = x.shape
    padding = (0, -w % g, 0, -h % g)
    ones = x.new_ones(b, 1, h, w)
    real = partition(F.pad(ones, padding), g)[..., 0] > 0
    return partition(F.pad(x, padding), g), real
    # end


# %%
checks.partition_any(partition_any)

# %% [markdown]
# <details><summary>Hint</summary>
#
# A token of the map may be zero itself, so its numbers cannot tell it from padding. Make a second map whose numbers can.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# A map of ones `[b, 1, h, w]` gets zeros where it is padded. Cut into windows with `partition`, it is `[(b gh gw), (i j), 1]`;
# drop the last axis and compare with 0: `> 0`.
#
# </details>

# %% [markdown]
# **Now predict.** 7 × 11 tokens, windows of 3 × 3. How many windows are there? How many of their places are padding?

# %%
x1, real = partition_any(torch.randn(1, 2, 7, 11), 3)
print(f"{len(x1)} windows, {x1[..., 0].numel()} places, {(~real).sum()} of them padding")
print("real tokens of each window:", real.sum(1).view(3, 4).tolist())

# %% [markdown]
# ## Eq. 7: queries, keys and values
#
# **Exercise 3** ● 5 minutes
#
# $$\mathbf{Q}_1=\mathbf{X}_1\mathbf{W}_1^q,\qquad \mathbf{K}_1=\mathbf{X}_1\mathbf{W}_1^k,\qquad \mathbf{V}_1=\mathbf{X}_1\mathbf{W}_1^v \tag{7}$$
#
# This is plain attention, with windows in place of images: all windows share the same three layers. The 48 channels are split
# into 2 heads of 24; head 1 gets the first 24.


# %%
def local_qkv(x1, wq, wk, wv, heads):
    """Windows [(b gh gw), (i j), c] -> Q1, K1, V1, each [(b gh gw), heads, (i j), d].

    wq, wk, wv are layers: call them.
    """
    # TODO Eq. 7: is anything different from Eq. 1?
    # solution
    return tuple(
        rearrange(layer(x1), "b n (heads d) -> b heads n d", heads=heads)
        for layer in (wq, wk, wv)
    )
    # end


# %%
checks.local_qkv(local_qkv)

# %% [markdown]
# <details><summary>Hint</summary>
#
# A layer works on the last axis, whatever comes before it: windows are to it what images are.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `rearrange(wq(x1), "b n (heads d) -> b heads n d", heads=heads)`, where `b` counts windows and `n` their tokens. The same
# for keys and values.
#
# </details>

# %% [markdown]
# **Now predict.** You change G₁ from 4 to 8 in a trained model. How many more weights does it need?
#
# <details><summary>Answer</summary>
#
# None. Every layer is applied to single tokens; G₁ only says which tokens are in one window. So the sizes can be changed
# after training; notebook 5 does that, and measures what it costs. The paper contrasts this with Swin and PVT, which must be
# trained again.
#
# </details>

# %% [markdown]
# ## Eq. 2 in each window
#
# **Exercise 4** ●● 10 minutes
#
# $$\mathbf{A}_1=\mathrm{Softmax}\!\left(\frac{\mathbf{Q}_1\mathbf{K}_1^T}{\sqrt{d}}\right)\mathbf{V}_1$$
#
# One thing is new: a key that is only padding must get no weight. Softmax gives a weight of 0 to a score of −∞, and the others
# still sum to 1.


# %%
def window_attention(q1, k1, v1, real):
    """q1, k1, v1 [windows, heads, n, d], real [windows, n] -> a1, p1.

    a1 [windows, heads, n, d]: the outputs. p1 [windows, heads, n, n]: the weights.
    """
    # TODO Eq. 2: as in notebook 1, but which scores become -inf, and when?
    # solution
    scores = q1 @ k1.mT * q1.shape[-1] ** -0.5
    scores = scores.masked_fill(~real[:, None, None, :], -torch.inf)
    p1 = scores.softmax(dim=-1)
    return p1 @ v1, p1
    # end


# %%
checks.window_attention(window_attention)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Only keys are hidden. If a query that is padding reads something, that does no harm: its output is cut off in Eq. 8. If all
# keys of a query were hidden, its weights would be 0/0.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `scores.masked_fill(where, -torch.inf)` before the softmax. Scores are `[windows, heads, queries, keys]` and `real` is
# `[windows, keys]`: give it the two missing axes with `real[:, None, None, :]`. `~` turns True into False.
#
# </details>

# %% [markdown]
# **Now predict.** How many scores does our map of 16 × 16 tokens need in each head, with windows of 4 × 4? And without windows?
#
# <details><summary>Answer</summary>
#
# 16 windows × 16 queries × 16 keys = 4,096. Without windows it is 256 × 256 = 65,536, 16 times as many. In general it is HW ·
# G₁² instead of (HW)².
#
# </details>
#
# <!-- not printed here: 16 times (65,536 / 4,096, just before) -->

# %% [markdown]
# ## Eq. 8: put the windows back
#
# **Exercise 5** ●● 10 minutes
#
# $$\mathbf{A}_1\in\mathbb{R}^{(\frac{H}{G_1}\times\frac{W}{G_1})\times(G_1\times G_1)\times C}\;\to\;\mathbf{A}_1\in\mathbb{R}^{H\times W\times C} \tag{8}$$
#
# The way back: heads side by side, tokens in their places, and the padding cut off.


# %%
def merge(a1, g, h, w):
    """a1 [(b gh gw), heads, (i j), d] -> a map [b, (heads d), h, w], without the padding."""
    # TODO Eq. 8: how many windows are there down and across, where does each name of the
    # pattern go, and what is cut off?
    # solution
    gh, gw = -(-h // g), -(-w // g)  # rounded up
    pattern = "(b gh gw) heads (i j) d -> b (heads d) (gh i) (gw j)"
    return rearrange(a1, pattern, gh=gh, gw=gw, i=g, j=g)[:, :, :h, :w]
    # end


# %%
checks.merge(merge)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Write Eq. 6's pattern from right to left, with `heads` and `d` in place of `c`. How many windows are there down a map of 7
# rows, with G₁ = 3?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# 7 / 3, rounded **up**: `-(-7 // 3)`. `rearrange` needs to know `gh`, `gw`, `i` and `j`. The map it makes still has the
# padding at the bottom and on the right: `[:, :, :h, :w]` leaves that out.
#
# </details>

# %% [markdown]
# **Now predict.** We cut a map of 7 × 11 tokens into windows of 3 × 3, do nothing, and put them back. What comes out?

# %%
some = torch.randn(2, 5, 7, 11)
x1, _ = partition_any(some, 3)
one_head = rearrange(x1, "windows n c -> windows 1 n c")
print("the map itself:", torch.equal(merge(one_head, 3, 7, 11), some))

# %% [markdown]
# ## Eq. 9: all together, and the residual
#
# **Exercise 6** ● 5 minutes
#
# $$\mathbf{A}_1=\mathbf{A}_1+\mathbf{X} \tag{9}$$
#
# What a token has read in its window is added to what it was.


# %%
def local_attention(x, wq, wk, wv, heads, g):
    """Eqs. 6 to 9: a map [b, c, h, w] -> a map of the same shape."""
    # TODO Eq. 9: your functions, one after the other. What is added at the end?
    # solution
    x1, real = partition_any(x, g)
    q1, k1, v1 = local_qkv(x1, wq, wk, wv, heads)
    a1, _ = window_attention(q1, k1, v1, real)
    return merge(a1, g, *x.shape[-2:]) + x
    # end


# %%
checks.local_attention(local_attention)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Four functions: `partition_any`, `local_qkv`, `window_attention`, `merge`. The height and width are `x.shape[-2:]`.
#
# </details>
#
# <details><summary>Next hint: "changed what it was given"</summary>
#
# `x += ...` writes into the caller's x; `x + ...` makes a new tensor.
#
# </details>

# %% [markdown]
# **Now predict.** We add 1 to all channels of our token and run local attention again. Which of the 256 outputs change?

# %%
layers = split(block.attn.qkv, 3)
# In float64: float32 would round the smallest changes away.
precise = [layer.double() for layer in split(block.attn.qkv, 3)]
same, changed = x.double(), x.double()
changed[0, :, token[0], token[1]] += 1


def change(g):
    """The largest change in any channel of each output, with windows of g x g: [h, w]."""
    before, after = (local_attention(each, *precise, heads, g) for each in (same, changed))
    return (after - before).abs().amax(1)[0]


difference, everywhere = change(g1), change(16)
print(f"G1 = 4:  {(difference > 0).sum()} outputs change")
print(f"G1 = 16: {(everywhere > 0).sum()} outputs change; one window is plain attention")
show(
    {
        "G₁ = 4": maps.marked_map(
            (difference > 0).numpy(), "local", token, photo, "changed"
        ),
        "G₁ = 16": maps.marked_map(
            (everywhere > 0).numpy(), "local", token, photo, "changed"
        ),
    },
    f"Which outputs change. Left, G1 = 4: {(difference > 0).sum()}, the tokens of our window. "
    f"Right, G1 = 16: {(everywhere > 0).sum()}, all of the map.",
)

# %% [markdown]
# Exactly those of its window. The neighbour across the window's edge does not change, although it lies right beside our
# token: this is the **seam**. Nothing in Eqs. 6 to 9 ever crosses it. For this reason Swin shifts its windows in every other
# block (you build that at the end); the paper instead lets every token read a second time, from the whole map: [notebook
# 3](03-global-attention.ipynb).
#
# ## Your functions against the trained model
#
# `hatnet.trace_equations` returns every tensor of Eqs. 6 to 15 as the model computed it. Up to here there is one difference from
# the paper's text: the released model cuts `norm(X)` into windows. The residual of Eq. 9 is still X.

# %%
traced = {
    equation.number: list(equation.tensors.values())
    for equation in hatnet.trace_equations(block, x, g1, g2)
}
x1, real = partition_any(block.attn.norm(x), g1)
q1, k1, v1 = local_qkv(x1, *layers, heads)
a1, p1 = window_attention(q1, k1, v1, real)
local = merge(a1, g1, h, w)
mine = {6: [x1], 7: [q1, k1, v1], 8: [local, p1], 9: [local + x]}
for number, tensors in mine.items():
    agree(tensors, traced[number][: len(tensors)], f"Eq. {number}")

# %% [markdown]
# And this is what your weights look like: how our token reads its window, as the mean of two heads. The ring marks the token;
# the numbers are weights in %. Weights below 4 % carry none.

# %%
top, left, tall, wide = hatnet.window_of(token, (h, w), g1)
window, place = top // g1 * (w // g1) + left // g1, (token[0] - top) * g1 + token[1] - left
weights = p1[window, :, place].view(heads, tall, wide).mean(0).numpy()
small = weights[weights <= maps.PRINTED]
print(f"{len(small)} weights of {maps.PRINTED:.0%} or less: together {small.sum():.0%}")
show(
    {
        "local attention of one token": maps.local_map(
            weights, (top, left, tall, wide), token, photo, (h, w)
        )
    },
    f"What one token reads in its window. {maps.describe(weights, 'token', top, left)}",
)

# %% [markdown]
# **Now predict.** In the app, move the token to the right, across its window's edge ([open
# it](http://localhost:8501/explorer?image=cat_chelsea&checkpoint=cifar10&stage=2&block=1&token=0.40,0.32), with the arrow
# keys). What happens to the blue window?
#
# <details><summary>Answer</summary>
#
# It jumps by four tokens. The windows are fixed on the map; a token need not be in the middle of its window.
#
# </details>

# %% [markdown]
# ## An open exercise: shifted windows
#
# **Exercise 7** ●●● 45 minutes
#
# Swin's answer to the seam: in every other block, the windows lie elsewhere. With a shift of s, they begin at the rows and
# columns s, s + G₁, s + 2 G₁, ... (counted from 0), so that the old seams lie inside new windows. What lies before s is in
# partial windows, at the top and on the left. Two tokens may read each other if, and only if, they are in one of these windows.
#
# Swin rolls the map (`torch.roll`), cuts it as usual, and hides from each other the tokens that the roll has brought
# together from opposite edges. There is another way, which also works for any size. Choose yours.


# %%
def shifted_attention(x, wq, wk, wv, heads, g, shift):
    """Eqs. 6 to 9 with windows that begin at rows and columns shift, shift + g, ...; 0 <= shift < g."""
    # TODO shifted windows: a map of any size, [b, c, h, w] -> [b, c, h, w], residual included.
    # solution
    h, w = x.shape[-2:]
    # With so much padding at the top and left, windows begin where they should.
    before = -shift % g
    padding = (before, -(w + before) % g, before, -(h + before) % g)
    real = partition(F.pad(torch.ones_like(x[:, :1]), padding), g)[..., 0] > 0
    q1, k1, v1 = local_qkv(partition(F.pad(x, padding), g), wq, wk, wv, heads)
    a1, _ = window_attention(q1, k1, v1, real)
    return merge(a1, g, h + before, w + before)[:, :, before:, before:] + x
    # end


# %%
checks.shifted_attention(shifted_attention)

# %% [markdown]
# <details><summary>Hint</summary>
#
# You already have a mask for places that are not there, and partial windows at the bottom and right. Can you get partial
# windows at the top and left in the same way?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# With G₁ = 4 and a shift of 1, the first window has 3 rows too few above the map. Pad these, cut, attend, merge, and cut the
# padding off again. With a shift of 0 nothing is missing: `-shift % g`.
#
# </details>
#
# <details><summary>Hint for the roll</summary>
#
# Give each token the number of the window that it really belongs to, `(row - shift) // g` and the same for columns; roll and cut
# this map with the tokens. In the scores of a window, hide a key from a query if their numbers differ: a mask of
# `[windows, 1, queries, keys]`. A map that does not fit must be padded first.
#
# </details>

# %% [markdown]
# **Now predict.** A block with windows, then one with windows shifted by 2: how many of the 256 outputs depend on our token?
# And how many after four blocks?

# %%
changed_tokens = []
before, after = same, changed
for block_number in range(4):
    shift = (block_number % 2) * 2
    before, after = (
        shifted_attention(each, *precise, heads, g1, shift) for each in (before, after)
    )
    changed_tokens.append((after - before).abs().amax(1)[0] > 0)
    print(
        f"block {block_number + 1}, shift {shift}: {changed_tokens[-1].sum()} outputs change"
    )
show(
    {
        f"after {number} blocks": maps.marked_map(
            changed_tokens[number - 1].numpy(), "local", token, photo, "changed"
        )
        for number in (2, 4)
    },
    f"Outputs that one token has changed: {changed_tokens[1].sum()} after two blocks, "
    f"{changed_tokens[3].sum()} after four.",
)

# %% [markdown]
# The seam is gone, but the reach grows only block by block. The paper's second step reaches the whole map at once: that is
# [notebook 3](03-global-attention.ipynb).
