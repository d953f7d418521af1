# %% [markdown]
# # 1. From pixels to tokens, and plain attention
#
# A vision transformer cuts a picture into **tokens** and lets every token read every other token. You write this operation,
# multi-head self-attention (MHSA, Eqs. 1 to 4 of [the paper](https://arxiv.org/abs/2106.03180)), run it with trained weights
# on a photograph, and measure why it does not scale (Eq. 5).
#
# **You will** turn a map into rows of tokens; write Eqs. 1 to 4; name each axis; see why scores are divided by $\sqrt{d}$, and
# that attention does not know where a token lies; work out what attention costs, and check it with a clock.
#
# **You need** Python, matrix products and a little PyTorch; no knowledge of transformers.
#
# **Run time** on a CPU: about 15 seconds. Working time: 60 minutes, and 40 more for the last exercise.
#
# **In the app:** with `make app` running, open [this block in the
# Explorer](http://localhost:8501/explorer?image=cat_chelsea&checkpoint=cifar10&stage=4&block=1&token=0.40,0.32).
#
# How it works: run the cells from top to bottom. Where it says `TODO`, write the code, then run the check below it. Hints
# and the solution are folded away; open one after another. Exercises are marked ● (one idea), ●● (several steps) or ●●● (hard
# and open).

# %%
import numpy as np
import torch
from einops import rearrange

import hatnet
from hatnet import timing
from tutorials.machinery.checks import tokens_and_attention as checks
from tutorials.machinery.checks.grading import agree
from tutorials.machinery.figures import cost, maps, widths
from tutorials.machinery.start import model_and_image, photograph, show, split

# %% [markdown]
# ## Pixels become tokens
#
# The model is a small HAT-Net trained on CIFAR-10: photographs of 32 × 32 pixels, ten classes. Its **stem** consists of two
# convolutions, which turn each square of 2 × 2 pixels into one token, a list of 48 numbers. From then on the model works on a
# map of 16 × 16 tokens. Later stages halve the sides of the map and widen the tokens.

# %%
model, image, info = model_and_image("cifar10", "cat_chelsea")
stem = model.stem(image)
features = model.forward_features(image)
print("image      ", tuple(image.shape), " batch, colours, height, width")
print("after stem ", tuple(stem.shape), " batch, channels, tokens down, tokens across")
for number, feature in zip(model.config.stages, features, strict=True):
    print(f"stage {number}    ", tuple(feature.shape))

# %% [markdown]
# **Now predict.** The paper's own stem has two strides of 2, so one token covers 4 × 4 pixels. How many tokens does it make
# from a picture of 224 × 224 pixels? And from one with twice the side, 448 × 448?

# %%
paper = hatnet.create_model("hatnet_tiny").eval()
for side in (224, 448):
    with torch.no_grad():
        h, w = paper.stem(torch.zeros(1, 3, side, side)).shape[-2:]
    print(f"{side} x {side} pixels: {h} x {w} = {h * w:,} tokens")

# %% [markdown]
# We work in stage 4. It has 4 × 4 tokens of 192 numbers each, and plain attention: every token reads every token. `x` is the
# input of its first block.

# %%
stage = model.stages[2]
block = stage.blocks[0]
x = stage.downsample(features[1])
heads, head_dim = 8, 24
print(
    tuple(x.shape),
    "= batch, channels, tokens down, tokens across;",
    heads,
    "heads x",
    head_dim,
    "=",
    heads * head_dim,
    "channels",
)

# %% [markdown]
# ## A map becomes a list
#
# **Exercise 1** ● 5 minutes
#
# Attention takes a list of tokens. So the map `[b, c, h, w]` becomes rows `[b, (h w), c]`:
# token after token, row by row, with a token's channels side by side.
#
# [`rearrange`](https://einops.rocks) names the axes. Parentheses combine two axes into one; **their order is the meaning**.


# %%
def rows(x):
    """A map [b, c, h, w] -> its tokens as rows, [b, (h w), c]."""
    # TODO rows: which two axes become one, in which order, and which comes last?
    # solution
    return rearrange(x, "b c h w -> b (h w) c")
    # end


# %%
checks.rows(rows)

# %% [markdown]
# <details><summary>Hint</summary>
#
# A number's place in the list is `y * w + x`: the column counts fastest. In parentheses, that is the last name.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `rearrange(x, "left -> right")`: the left side names the axes as they are, the right side as they should be: here `b`, then
# `h` and `w` in parentheses, then `c`.
#
# </details>

# %% [markdown]
# ## Eq. 1: query, key, value
#
# **Exercise 2** ●● 10 minutes
#
# Three trained matrices turn each token into three vectors:
#
# - a **query** Q: what the token looks for,
# - a **key** K: what it can be found by,
# - a **value** V: what it passes on.
#
# $$\mathbf{Q}=\mathbf{X}\mathbf{W}^q,\qquad \mathbf{K}=\mathbf{X}\mathbf{W}^k,\qquad \mathbf{V}=\mathbf{X}\mathbf{W}^v \tag{1}$$
#
# In code a matrix W is a layer: `wq(rows)` is $\mathbf{X}\mathbf{W}^q$ (plus a bias, which the paper leaves out).
#
# The C = 192 channels are then split into 8 **heads** of d = 24: head 1 gets channels 1 to 24, head 2 the next 24. Each head
# attends on its own. So Q, K and V each have the shape `[b, heads, n, d]`, with n tokens.


# %%
def qkv(rows, wq, wk, wv, heads):
    """Rows of tokens [b, n, c] -> Q, K, V, each [b, heads, n, d].

    wq, wk, wv are layers: call them.
    """
    # TODO Eq. 1: what does each layer make of the rows, and how do its c channels become heads
    # of d channels each?
    # solution
    return tuple(
        rearrange(layer(rows), "b n (heads d) -> b heads n d", heads=heads)
        for layer in (wq, wk, wv)
    )
    # end


# %%
checks.qkv(qkv)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `wq(rows)` is `[b, n, c]`. The c channels are made up of heads and d: which of the two names counts faster, if the channels
# of one head lie side by side?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# The pattern's left side is `"b n (heads d)"`, with `d` last, because it counts faster. `rearrange` must be told one of the
# two sizes: `heads=heads`. (With `view`, the axes must be split first and swapped afterwards: a view alone moves nothing.)
#
# </details>

# %% [markdown]
# **Now predict.** How many weights do the three matrices have together? Does that number depend on the size of the picture?
#
# <details><summary>Answer</summary>
#
# 3 × 192 × 192 = 110,592. No: the same matrices are applied to every token, however many there are. That is why a transformer
# runs on maps of any size.
#
# </details>

# %% [markdown]
# ## Eq. 2: attention
#
# **Exercise 3** ●● 10 minutes
#
# A query is compared with every key by a dot product, its **score**. Softmax turns the scores of **one query** into **weights**
# from 0 to 1 that sum to 1. The output is the mean of the values with these weights. (Don't confuse them with a layer's weights:
# those are learned once, these are computed anew for every picture.)
#
# $$\mathbf{A}=\mathrm{Softmax}\!\left(\frac{\mathbf{Q}\mathbf{K}^T}{\sqrt{d}}\right)\mathbf{V} \tag{2}$$
#
# Return both: the output `a` and the weights `p`. We shall look at `p`.


# %%
def attention(q, k, v):
    """q [b, heads, n, d], k and v [b, heads, m, d] -> a [b, heads, n, d], p [b, heads, n, m]."""
    # TODO Eq. 2: the weights p, one row for each query, and the output a. Which axis of the
    # scores does the softmax go over?
    # solution
    scores = q @ k.mT * q.shape[-1] ** -0.5
    p = scores.softmax(dim=-1)
    return p @ v, p
    # end


# %%
checks.attention(attention)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `q @ k.mT` has queries down and keys across (`k.mT` swaps the last two axes). Along which of the two must the weights sum
# to 1?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `scores.softmax(dim=...)`. The d of the equation is the number of channels of one head, the size of the last axis of `q`:
# `q.shape[-1]`. `q /= ...` would write into the caller's q; `q / ...` makes a new tensor.
#
# </details>

# %% [markdown]
# **Now predict.** Suppose that all 16 tokens have the same key. What weight does a query give to each of them?
#
# And suppose that you multiply all queries by 10. Do the weights become more even, or less?

# %%
q, k, v = qkv(rows(block.attn.norm(x)), *split(block.attn.qkv, 3), heads)
_, even = attention(q, torch.ones_like(k), v)
_, p = attention(q, k, v)
_, sharp = attention(10 * q, k, v)
print("same keys:         each gets", even[0, 0, 0, :4].tolist(), "... = 1/16")
print(f"as trained:        the largest weight is {p.amax(-1).mean():.2f} on average")
print(
    f"queries times 10:  the largest weight is {sharp.amax(-1).mean():.2f}: less even, nearly all to one key"
)

# %% [markdown]
# ### Why divide by $\sqrt{d}$?
#
# A score is a sum of d products. If queries and keys hold random numbers of variance 1, each product has variance 1, too, and
# the sum has variance d: scores grow like $\sqrt{d}$. Dividing by $\sqrt{d}$ brings the variance back to 1, whatever d is.
#
# **Now predict.** Without it, what becomes of the weights over 16 keys if d grows from 4 to 1,024?

# %%
lengths = [4, 16, 64, 256, 1024]
largest = {"divided by √d": [], "not divided": []}
for d in lengths:
    random = torch.Generator().manual_seed(0)
    queries, keys = (torch.randn(1, 1, n, d, generator=random) for n in (1000, 16))
    for name, factor in (("divided by √d", 1), ("not divided", d**0.5)):
        _, weights = attention(factor * queries, keys, keys)
        largest[name].append(weights.amax(-1).mean().item())
    scores = queries @ keys.mT
    print(f"d = {d:4}: variance of the scores {scores.var():7.1f}", end="; largest weight ")
    print(
        f"{largest['divided by √d'][-1]:.0%} divided, {largest['not divided'][-1]:.0%} not"
    )
show(
    widths.over_width(lengths, largest, even=1 / 16),
    f"The largest of 16 weights for d from 4 to 1,024. Divided by the root of d it goes from "
    f"{largest['divided by √d'][0]:.0%} to {largest['divided by √d'][-1]:.0%}; not divided, "
    f"from {largest['not divided'][0]:.0%} to {largest['not divided'][-1]:.0%}.",
)

# %% [markdown]
# Undivided, long vectors turn softmax into "the best key takes all". Nothing is averaged any more, and training hardly moves
# such a softmax, because its gradient is nearly 0 there.
#
# ### Where does a place come from?
#
# **Now predict.** We shuffle the 16 tokens of the list. What happens to the outputs?

# %%
order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
a, _ = attention(q, k, v)
shuffled, _ = attention(q[:, :, order], k[:, :, order], v[:, :, order])
difference = (shuffled - a[:, :, order]).abs().max()
print(f"the same outputs in the new order: largest difference {difference:.0e}")

# %% [markdown]
# The same outputs, shuffled like the tokens. Attention compares what tokens **hold**; where they lie appears nowhere in Eq. 2.
# For attention alone, a picture is a bag of tokens. ViT therefore adds a learned vector to each token, one for each place.
# HAT-Net has none: what it knows of places comes from its other parts. The stem's convolutions make a token from pixels that
# are neighbours, and each downsampling from tokens that are; a window says who is near whom (notebook 2); the convolution in the
# MLP mixes neighbours, and the zeros around the map tell it where the edge is. Notebook 4 tests them one by one.
#
# ### What one token reads
#
# This is what you computed, for one token of the cat. The ring marks the token that reads; the brighter a square, the larger
# its weight. Both maps have the same scale. The photograph underneath is shown at full size; the model saw it at 32 × 32
# pixels.

# %%
photo, grid = photograph("cat_chelsea"), (4, 4)
token = hatnet.token_at((0.40, 0.32), grid)
number = token[0] * 4 + token[1]  # its row in the list
by_head = p[0, :, number].view(heads, *grid).numpy()
mean, most = by_head.mean(0), by_head[0].max().item()
show(
    {
        "mean of 8 heads": maps.global_map(mean, 1, token, photo, grid, most),
        "head 1 alone": maps.global_map(by_head[0], 1, token, photo, grid, most),
    },
    f"What one token reads. Mean of 8 heads: {maps.describe(mean, 'token')} "
    f"Head 1: {maps.describe(by_head[0], 'token')}",
)

# %% [markdown]
# **Now predict.** Look at the top left corner. Is that weight large because of the cat? How large will it be, averaged over
# all tokens that read, on photographs of a moose, an owl and a herd of horses? (1 is an even share: 1/16 of the weight.)

# %%
for name in ("cat_chelsea", "deer_moose", "bird_owl", "horse_herd"):
    other = stage.downsample(model.forward_features(model_and_image("cifar10", name)[1])[1])
    q, k, v = qkv(rows(block.attn.norm(other)), *split(block.attn.qkv, 3), heads)
    received = attention(q, k, v)[1].mean((0, 1, 2)) * 16
    print(f"{name:11} the top left token gets {received[0]:.1f} times an even share")

# %% [markdown]
# Whatever the picture shows, the corner gets several times an even share. A token is not only a place in the picture: trained
# models use some tokens as a resting place for attention that has nothing better to do. A map shows where attention goes, not
# why; notebook 6 comes back to that.
#
# ## Eq. 3: heads together, and the residual
#
# **Exercise 4** ● 5 minutes
#
# The heads are laid side by side again, one matrix $\mathbf{W}^p$ mixes them, and the input is added: what a token has read
# is added to what it was.
#
# $$\mathbf{A}'=\mathbf{A}\mathbf{W}^p+\mathbf{X} \tag{3}$$


# %%
def project(a, x, wp):
    """a [b, heads, n, d], x [b, n, c] -> A' [b, n, c]. wp is a layer: call it."""
    # TODO Eq. 3: where do the heads go, what does wp read, and what is added last?
    # solution
    return wp(rearrange(a, "b heads n d -> b n (heads d)")) + x
    # end


# %%
checks.project(project)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Undo what Eq. 1 did to the channels: wp reads rows `[b, n, c]`, head 1 first.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# The pattern of Eq. 1 with left and right swapped: `"b heads n d -> b n (heads d)"`. x itself is not multiplied by anything.
#
# </details>

# %% [markdown]
# **Now predict.** Suppose that all weights of $\mathbf{W}^p$ are 0, and its bias too. What is $\mathbf{A}'$?
#
# <details><summary>Answer</summary>
#
# X: the input is passed on unchanged. With a residual, attention only has to learn what to add.
#
# </details>

# %% [markdown]
# ## Eq. 4: the MLP
#
# **Exercise 5** ● 3 minutes
#
# Attention moves information between tokens. The **MLP** then processes it.
#
# $$\mathbf{Y}=\mathrm{MLP}(\mathbf{A}')+\mathbf{A}' \tag{4}$$


# %%
def finish(a, mlp):
    """A' [b, n, c] -> Y [b, n, c]. mlp is a function of rows: call it."""
    # TODO Eq. 4: what does the MLP read, and what becomes of its input?
    # solution
    return mlp(a) + a
    # end


# %%
checks.finish(finish)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The equation has a residual, as Eq. 3 does.
#
# </details>
#
# <details><summary>Next hint: "changed what it was given"</summary>
#
# `a += mlp(a)` writes into the caller's a; `a + mlp(a)` makes a new tensor.
#
# </details>

# %% [markdown]
# ## Your functions against the trained model
#
# Put together, they form a transformer block. The paper's equations leave one thing out: the released model normalises before
# it attends. Q, K and V are made from `norm(X)`; the residual is X itself.


# %%
def mlp_of_rows(tokens):
    """The block's own MLP; it contains a small convolution, so it needs the map back."""
    return rows(block.mlp(rearrange(tokens, "b (h w) c -> b c h w", h=4)))


wp = split(block.attn.proj, 1)[0]
a, p = attention(*qkv(rows(block.attn.norm(x)), *split(block.attn.qkv, 3), heads))
mine = finish(project(a, rows(x), wp), mlp_of_rows)
theirs = rows(block(x))
agree([mine], [theirs], "The block")
print(f"its numbers themselves go up to {theirs.abs().max():.1f}")

# %% [markdown]
# ## Eq. 5: what it costs
#
# **Exercise 6** ●● 10 minutes
#
# Count **MACs**, multiply-adds: a multiplication and an addition together count as one. With H × W tokens of C channels:
#
# - each of the three projections makes C numbers for each token, each from C numbers;
# - $\mathbf{Q}\mathbf{K}^T$ compares every token with every token, at C MACs (all heads together);
# - the weights times V cost the same again.
#
# The paper's Eq. 5 is the sum of these. It leaves out $\mathbf{W}^p$ and the softmax. Write it in terms of `h`, `w` and `c`.


# %%
def macs(h, w, c):
    """MACs of one MHSA on h x w tokens of c channels, as Eq. 5 counts them."""
    # TODO Eq. 5: how many MACs do the projections take, and how many the two products?
    # solution
    return 3 * h * w * c**2 + 2 * (h * w) ** 2 * c
    # end


# %%
checks.macs(macs)

# %% [markdown]
# <details><summary>Hint</summary>
#
# How many numbers does a projection make, and from how many is each made? How many pairs of a query and a key are there?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# A projection is `h * w` rows times a C × C matrix, and there are three. There are `(h * w) ** 2` pairs, for each of the two
# products.
#
# </details>

# %% [markdown]
# **Now predict.** In the paper's stage 2, its first with attention, the map has 56 × 56 tokens of 48 channels. What share of
# Eq. 5 do the products make up there? And if the picture's side is doubled, and there are four times as many tokens, how many
# times as many MACs are there?

# %%
h, c = 56, 48
products = 2 * h**4 * c
print(
    f"{h} x {h}: {macs(h, h, c) / 1e6:,.0f} million MACs, {products / macs(h, h, c):.0%} of them in the two products"
)
print(f"{2 * h} x {2 * h}: {macs(2 * h, 2 * h, c) / macs(h, h, c):.1f} times as many")

# %% [markdown]
# ### Measured, not only calculated
#
# A formula is a claim. Here is one attention layer (48 channels, 2 heads of 24) on maps of growing size, on one core of the
# machine that runs this notebook: the median of 9 runs, with bars that span the middle half of them. The dotted line is Eq. 5,
# scaled to end where the measurement ends.

# %%
sides = [8, 16, 24, 32, 48, 64]
threads = torch.get_num_threads()
# Several cores wait for one another; on small maps that costs more than it saves.
torch.set_num_threads(1)
measured = {
    side: timing.measure(side, side, 48, 4, 2, 24, mechanisms=("MHSA",), repeats=9)[0]
    for side in sides
}
torch.set_num_threads(threads)
for side, one in measured.items():
    millions = macs(side, side, 48) / 1e6
    print(
        f"{side:3} x {side:<3} {side**2:6,} tokens {millions:9,.1f} million MACs"
        f" {one.milliseconds:8.2f} ms (± {one.spread / 2:.2f})"
    )
growth = measured[64].milliseconds / measured[32].milliseconds
print(f"from 32 x 32 to 64 x 64: {growth:.0f} times the time;", end=" ")
print(f"Eq. 5 says {macs(64, 64, 48) / macs(32, 32, 48):.0f} times the MACs")

# %%
formula = np.array([macs(side, side, 48) for side in sides], dtype=float)
scaled = {"MHSA": formula * measured[64].milliseconds / formula[-1]}
show(
    cost.over_tokens({side: {"MHSA": one} for side, one in measured.items()}, scaled),
    f"Time of one attention layer against the number of tokens, both axes logarithmic: measured "
    f"{measured[8].milliseconds:.2f} ms at 8 by 8 tokens and {measured[64].milliseconds:.0f} ms at "
    f"64 by 64, where Eq. 5, scaled, ends.",
)

# %% [markdown]
# A clock is less tidy than a formula: the curve also shows what else the machine is doing, and how much fits into its caches.
# On an idle machine it climbs as Eq. 5 says, towards 16 times the time for twice the side.
#
# It is the same with **memory**. Written as in Eq. 2, attention lays all weights out in memory: one number for each pair of
# tokens and each head. A *fused* kernel computes the same output without laying them out (the measurement above used one).

# %%
from hatnet.attention import MHSA
from hatnet.norms import group_norm

layer = MHSA(48, 24, group_norm).eval()
for side in (16, 32, 64):
    tokens = torch.randn(1, 48, side, side)
    with torch.no_grad():
        laid_out = timing.peak_memory(lambda tokens=tokens: layer(tokens, explicit=True))
        fused = timing.peak_memory(lambda tokens=tokens: layer(tokens))
    print(
        f"{side:3} x {side:<3} weights laid out: {laid_out / 1e6:8.1f} MB   fused: {fused / 1e6:6.1f} MB"
    )

# %% [markdown]
# **Now predict.** A photograph of 896 × 896 pixels gives 224 × 224 tokens in the paper's stage 2, the first with attention.
# How long would this one layer take here, if time follows Eq. 5 beyond the last point? How much memory would the weights of
# two heads take, at 4 bytes a number?

# %%
seconds = measured[64].milliseconds / 1000 * macs(224, 224, 48) / macs(64, 64, 48)
print(
    f"about {seconds:.0f} s for one layer of many, and {2 * 4 * 224**4 / 1e9:.0f} GB for its weights"
)

# %% [markdown]
# ## An open exercise: attention in pieces
#
# **Exercise 7** ●●● 40 minutes
#
# How can a fused kernel compute Eq. 2 without ever holding a number for each pair? It reads the keys in pieces. For each query
# it keeps only two things: the sum of the powers $e^{s}$ so far, and the sum of the values, each times its power. At the end it
# divides. (Our function still makes one piece of scores for all queries; a real kernel takes them in pieces, too.)
#
# There is one difficulty. $e^{100}$ is infinite in float32, so softmax first subtracts the largest score of the row, which
# changes nothing in the result. In pieces, you do not know the largest score yet. What can you do to the two sums when a later
# piece has a larger one?


# %%
def in_pieces(q, k, v, size):
    """The output a of Eq. 2, [b, heads, n, d], reading `size` keys at a time; the last piece may be smaller."""
    # TODO Eq. 2 in pieces: which sums does each piece add to, and what happens to them when the
    # largest score so far changes?
    # solution
    largest = torch.full_like(q[..., :1], -torch.inf)
    total, output = torch.zeros_like(largest), torch.zeros_like(q)
    for keys, values in zip(k.split(size, dim=2), v.split(size, dim=2), strict=True):
        scores = q @ keys.mT * q.shape[-1] ** -0.5
        new = torch.maximum(largest, scores.amax(-1, keepdim=True))
        shrink, powers = (largest - new).exp(), (scores - new).exp()
        total = total * shrink + powers.sum(-1, keepdim=True)
        output = output * shrink + powers @ values
        largest = new
    return output / total
    # end


# %%
checks.in_pieces(in_pieces)

# %% [markdown]
# <details><summary>Hint</summary>
#
# First forget the difficulty: loop over `k.split(size, dim=2)` and `v.split(size, dim=2)`, and add up `powers.sum(-1,
# keepdim=True)` and `powers @ values`. Divide once, at the end.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# All powers so far are $e^{s-m}$, with m the largest score so far. If the new largest is $m'$, they should have been
# $e^{s-m'}$. That is the same as $e^{s-m}\cdot e^{m-m'}$: one factor for the whole sum, and for each query its own.
#
# </details>
#
# <details><summary>Last hint</summary>
#
# Begin with a largest score of −∞, `torch.full_like(q[..., :1], -torch.inf)`, and with sums of 0. In each piece, the new
# largest is `torch.maximum(largest, scores.amax(-1, keepdim=True))`.
#
# </details>

# %%
many = [
    torch.randn(1, 2, 4096, 24, generator=torch.Generator().manual_seed(i))
    for i in range(3)
]
difference = (in_pieces(*many, 256) - attention(*many)[0]).abs().max()
pairs, piece = (2 * 4096 * keys * 4 / 1e6 for keys in (4096, 256))
print(f"4,096 tokens: largest difference from attention {difference:.0e}")
print(f"weights of all pairs: {pairs:.0f} MB; of one piece: {piece:.0f} MB")

# %% [markdown]
# The memory no longer grows with the square of the tokens. The MACs still do: every query still meets every key.
#
# That is the problem. The paper's answer has two halves, and the next two notebooks build them: read **what is near in
# detail** ([2. Local attention](02-local-attention.ipynb)) and **the whole map roughly** ([3. Global
# attention](03-global-attention.ipynb)).
