# %% [markdown]
# # 5. The cost: Eq. 15
#
# **You will** derive Eq. 15 term by term, let PyTorch count the same numbers in a real layer, see why Eq. 15 alone cannot
# choose G₁ and G₂, learn what a published "#FLOPs" leaves out, measure where hierarchical attention overtakes plain attention
# on your own machine, and find out what the authors' G₁ and G₂ have in common.
#
# **You need** notebooks 2 to 4: windows, pooled cells, and how H-MHSA joins them. And a little calculus, once.
#
# **Run time** on a CPU: about 15 seconds. Working time: 100 minutes, and 30 more for the last exercise.
#
# **In the app:** with `make app` running, [open the Cost
# page](http://localhost:8501/cost?checkpoint=cifar10&image=cat_chelsea&stage=2&g1=4,4&g2=2,2) on this notebook's layer.
#
# How it works: run the cells from top to bottom. Where it says `TODO`, write the code, then run the check below it. Hints
# and the solution are folded away; open one after another. Exercises are marked ● (one idea), ●● (several steps) or ●●● (hard
# and open).
#
# The letters are the paper's:
#
# | here | means |
# |---|---|
# | `h`, `w` | H and W: tokens down and across. HW is their product, the number of tokens |
# | `c` | C: channels of a token |
# | `g1` | G₁: side of a window, in tokens |
# | `g2` | G₂: side of a pooled cell, in tokens |

# %%
import math

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import hatnet
from app.views.cost import costs
from app.core.words import amount
from hatnet import complexity, timing
from hatnet.attention import HMHSA
from hatnet.norms import group_norm
from tutorials.machinery.checks import cost as checks
from tutorials.machinery.figures import cost
from tutorials.machinery.start import show

# %% [markdown]
# ## What is counted
#
# Nearly all the work of attention is matrix products. Multiply a matrix of `n` rows and `a` columns by one of `a` rows and
# `b` columns. The result holds `n · b` numbers, and each of them is a sum of `a` products. That is
#
# $$n \cdot a \cdot b \text{ multiply-adds, MACs for short.}$$
#
# A MAC is one multiplication and one addition: two floating-point operations (FLOPs). Softmax, norms and additions are not
# counted here. They grow with the number of tokens too, but they are few compared with the products.

# %% [markdown]
# ## One formula for every attention
#
# **Exercise 1** ● 10 minutes
#
# In notebook 1 you counted the MACs of plain attention, Eq. 5: $3HWC^2+2(HW)^2C$. There, every token was a query and a key at
# once. In H-MHSA it is not so: in the global step 256 tokens read 64 cells. So count again, this time for any number of queries
# and any number of keys. Then Eq. 5, the local step and the global step will all be the same function, called with different
# numbers.
#
# Every query has C numbers and is made by one matrix `[C, C]` from the token that reads. Every key comes with a value, and each
# of the two is made by a matrix `[C, C]` of its own from what is read. Cutting C into heads changes nothing: the heads' channels
# add up to C. The paper leaves out the last projection, W^p of Eq. 3. So do we, until PyTorch counts.


# %%
def attention_cost(queries, keys, c):
    """MACs of attention in which each of `queries` tokens reads all of `keys` tokens or cells.

    c: channels of each of them. -> two numbers: of the projections, and of the two products.
    """
    # TODO Eqs. 1 and 2: how many rows go through each of the matrices? What are the shapes in
    # each of the two products?
    # solution
    projections = queries * c**2 + 2 * keys * c**2
    products = 2 * queries * keys * c
    return projections, products
    # end


# %%
checks.attention_cost(attention_cost)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Write down the shapes: Q is `[queries, C]`, K and V are `[keys, C]`, and the weights of Eq. 2 are `[queries, keys]`.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# For one projection, `n` rows meet a matrix of C rows and C columns: `n · C · C`. For the scores, `queries` rows of C numbers
# meet C rows of `keys`. Then the weights meet V.
#
# </details>


# %%
def mhsa_cost(h, w, c):
    """MACs of plain attention (Eq. 5): all h x w tokens read all h x w tokens."""
    return sum(attention_cost(h * w, h * w, c))


eq_5 = 3 * 56**2 * 48**2 + 2 * 56**4 * 48
assert math.isclose(mhsa_cost(56, 56, 48), eq_5, rel_tol=1e-6), "Eq. 5 gives another number"

# %% [markdown]
# **Now predict.** HAT-Net-Tiny's stage 2 has 56 × 56 tokens of 48 channels. You double the image's height and width. By
# about what factor does the cost of plain attention grow: 4, 8 or 16? Decide before you run the next cell.

# %%
once, doubled = mhsa_cost(56, 56, 48), mhsa_cost(112, 112, 48)
print(
    f"56 x 56:   {amount(once)} MACs, of which the projections are "
    f"{3 * 56 * 56 * 48**2 / once:.0%}"
)
print(f"112 x 112: {amount(doubled)} MACs, {doubled / once:.1f} times as many")

# %% [markdown]
# Four times as many tokens, nearly sixteen times the cost: almost all of it is tokens times tokens. This is what the two
# steps of H-MHSA are for. Each of them shortens the list of keys.

# %% [markdown]
# ## The local step: the first half of Eq. 15
#
# **Exercise 2** ● 5 minutes
#
# The map is cut into windows of G₁ × G₁ tokens. Q₁, K₁ and V₁ are made as before, one of each for every token (Eq. 7). But a
# token now reads only the tokens of its own window, itself included. G₁ divides h and w here.


# %%
def local_cost(h, w, c, g1):
    """MACs of Eqs. 7 and 8: of the projections, and of the products."""
    # TODO Eq. 15, local: which attentions are these, and how many of them?
    # solution
    windows = h * w / g1**2
    projections, products = attention_cost(g1**2, g1**2, c)
    return windows * projections, windows * products
    # end


# %%
checks.local_cost(local_cost)

# %% [markdown]
# <details><summary>Hint</summary>
#
# One window is plain attention on G₁ · G₁ tokens. How many windows are there?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# Or count for one token: how many keys does it read, and what does one key cost? Then multiply by the number of tokens. Both
# ways give the same.
#
# </details>

# %% [markdown]
# **Now predict.** You double the sides of the image again and leave G₁ as it is. By how much do the local products grow? And
# if you double G₁ on the same image?
#
# <details><summary>Answer</summary>
#
# Four times for the image: four times as many tokens, each with as many keys as before. Four times for G₁ as well: each token
# has four times as many keys. What grew with the square of the image's area now grows with the image's area, and with that of
# the window.
#
# </details>

# %% [markdown]
# ## The global step: the second half of Eq. 15
#
# **Exercise 3** ●● 10 minutes
#
# Now every token reads the pooled cells. A cell is the mean of G₂ × G₂ tokens, so there are HW / G₂² of them. Pooling itself
# is only additions, and not counted.


# %%
def global_cost(h, w, c, g2):
    """MACs of Eqs. 12 and 13: of the projections, and of the products."""
    # TODO Eq. 15, global: return two numbers, the MACs of Q2, K2 and V2, and those of the two
    # products. Who reads, and what is read?
    # solution
    return attention_cost(h * w, h * w / g2**2, c)
    # end


# %%
checks.global_cost(global_cost)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Imagine the table of weights. It has a row for each query and a column for each key. Which of the two were pooled?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# Queries are not pooled: there is one for every token. K₂ and V₂ are made from the cells: of each there is one for every cell
# (Eq. 12).
#
# </details>

# %% [markdown]
# **Now predict.** You double G₂. Which of the global step's costs fall to a quarter, and which do not fall at all?
#
# <details><summary>Answer</summary>
#
# K₂, V₂ and both products are paid for each cell, and there are a quarter as many cells. Q₂ does not fall: every token still
# has a query.
#
# </details>

# %% [markdown]
# ## Eq. 15, as the paper writes it
#
# **Exercise 4** ●● 10 minutes
#
# The paper sorts your four numbers into two brackets, by what they are paid for:
#
# $$\Omega(\text{H-MHSA}) = \underbrace{HWC\,(\square + \square)}_{\text{paid for every token}}
# + \underbrace{2\,\frac{HW}{G_2^2}\,C\,(\square + \square)}_{\text{paid for every cell}}$$
#
# Fill in the four boxes from your own terms, on paper. Three of your four numbers go into one of the brackets as a whole; the
# global projections are split between the two.


# %%
def hmhsa_cost(h, w, c, g1, g2):
    """MACs of H-MHSA."""
    n = h * w
    # TODO Eq. 15: what stands in the four boxes? Write it in this form, in one line, without
    # calling your functions.
    # solution
    return n * c * (4 * c + 2 * g1**2) + 2 * n / g2**2 * c * (c + n)
    # end


# %%
checks.hmhsa_cost(hmhsa_cost)

# %% [markdown]
# <details><summary>Hint</summary>
#
# First bracket: how many projections does every token pay for (there are Q₁, K₁, V₁ and one more), and how many keys of its
# window, each used twice?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# Second bracket: divide K₂, V₂ and the global products by 2 · HW / G₂² · C. In Python, `2 * n / g2**2 * c` is evaluated from
# left to right, which is what you want.
#
# </details>

# %% [markdown]
# <details><summary>The paper's line</summary>
#
# $$\Omega(\text{H-MHSA}) = HWC\,(4C + 2G_1^2) + 2\,\frac{HW}{G_2^2}\,C\,(C + HW) \tag{15}$$
#
# </details>

# %% [markdown]
# **Now predict.** On 56 × 56 tokens with C = 48 and G₁ = G₂ = 8, as in HAT-Net-Tiny: which of the four terms is the largest?

# %%
side, c, g1, g2 = 56, 48, 8, 8
names = ("local projections", "local products", "global projections", "global products")
terms = dict(
    zip(
        names,
        (*local_cost(side, side, c, g1), *global_cost(side, side, c, g2)),
        strict=True,
    )
)
for name, macs in terms.items():
    print(f"{name:20} {macs / 1e6:6.1f} million MACs")
total = hmhsa_cost(side, side, c, g1, g2)
print(
    f"{'together':20} {total / 1e6:6.1f} million MACs: "
    f"{mhsa_cost(side, side, c) / total:.0f} times fewer than plain attention"
)
assert math.isclose(sum(terms.values()), total, rel_tol=1e-6), (
    "your four terms and Eq. 15 differ"
)

# %% [markdown]
# The largest are the local projections, which plain attention has too: they were 2 % of the cost there, and are a third here.
# Shorter lists of keys cannot make a layer cheaper than its projections.

# %% [markdown]
# ## Counted, not derived
#
# **Exercise 5** ● 10 minutes
#
# A formula can forget something. PyTorch can count instead: `FlopCounterMode` watches which matrix products run and adds up
# their FLOPs. Two traps:
#
# - It counts FLOPs. We want MACs.
# - It only sees products that are written out. `hatnet` normally calls a *fused* kernel, which does Eq. 2 in one go without
#   laying the weights out in memory, and on a CPU the counter sees nothing inside it. With `explicit=True`, `hatnet` computes
#   Eq. 2 as written.


# %%
def counted_macs(layer, x, g1, g2):
    """MACs that torch counts while layer(x, g1, g2) runs."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        # TODO count: how do you have to call the layer, so that the counter sees all of it?
        # solution
        layer(x, g1, g2, explicit=True)
        # end
    # TODO count: `counter.get_total_flops()` gives the FLOPs. What is wanted?
    # solution
    return counter.get_total_flops() // 2
    # end


# %%
checks.counted_macs(counted_macs)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The layer is called like a function, `layer(x, g1, g2, ...)`. Its result is not needed. The two traps want one change each.
#
# </details>

# %% [markdown]
# **Now predict.** Is the count of a real layer equal to Eq. 15? If not, which of Eqs. 6 to 14 accounts for the difference?
# And what happens on a map of 57 × 57 tokens, which windows of 8 × 8 do not fit?

# %%
layer = HMHSA(48, 48, group_norm).eval()
for side in (56, 57):
    x = torch.randn(1, 48, side, side)
    counted, formula = counted_macs(layer, x, 8, 8), hmhsa_cost(side, side, 48, 8, 8)
    more = (counted - formula) / (side**2 * 48**2)
    print(
        f"{side} x {side}: counted {counted / 1e6:.2f} million, Eq. 15 "
        f"{formula / 1e6:.2f} million; the difference is {more:.3f} x HWC^2"
    )

# %% [markdown]
# On 56 × 56 the two differ by exactly HWC²: that is W^p of Eq. 14, which Eq. 15 leaves out. On 57 × 57 the count is higher
# still. A window that hangs over the edge is computed in full, and a cell at the edge costs as much as a whole one. Eq. 15
# assumes that everything divides evenly.

# %% [markdown]
# ## Eq. 15 alone chooses nothing useful
#
# Which G₁ and G₂ should one choose? A tempting answer is those for which Eq. 15 is smallest.
#
# **Now predict.** Of all whole numbers from 1 to 24, which pair (G₁, G₂) does Eq. 15 favour on 28 × 28 tokens with C = 96?

# %%
side, c, trained = 28, 96, (7, 4)  # HAT-Net-Tiny's stage 3, and the authors' G1 and G2
grids = costs.every_setting(side, c)  # Eq. 15 for G1 = 1 to 24 and G2 = 1 to 24
g1, g2 = (int(index) + 1 for index in np.unravel_index(grids.argmin(), grids.shape))
print(f"Eq. 15 is smallest at G1 = {g1}, G2 = {g2}: {amount(grids.min())} MACs.")
print(
    f"The authors' G1 = {trained[0]}, G2 = {trained[1]} cost {amount(hmhsa_cost(side, side, c, *trained))}."
)
best = complexity.best_common_grid(side, side, c)
show(
    cost.over_settings(grids, best, trained),
    f"Eq. 15 for each G1 (down) and G2 (across) from 1 to {len(grids)}, from {amount(grids.min())} MACs at "
    f"G1 = {g1}, G2 = {g2} to {amount(grids.max())}. On the diagonal G1 = G2 it is smallest at {best:.1f}. "
    f"The authors' setting is G1 = {trained[0]}, G2 = {trained[1]}.",
)

# %% [markdown]
# The darker, the more expensive (the scale is logarithmic). The square is Eq. 15's own choice; the diamond is the authors' setting
# for this stage; the star, on the dotted line, belongs to the next section.
#
# Eq. 15 picks the corner. With G₁ = 1 each token reads only itself, so nothing local is left. With the largest G₂ the whole map
# becomes little more than one average. On every map, Eq. 15 falls all the way to that corner: G₁ is in a numerator, G₂ in a
# denominator. **It counts what attention costs, not what it is worth.** Only accuracy can speak for a larger window or a
# finer cell; in notebook 7 you will let it.

# %% [markdown]
# ## With G₁ = G₂ there is an optimum
#
# **Exercise 6** ●● 10 minutes
#
# Tie the two together, and they pull against each other: a larger G makes the windows more expensive and the cells fewer. Put
# G₁ = G₂ = G into Eq. 15 and keep only what depends on G:
#
# $$2HWC\left(G^2 + \frac{C + HW}{G^2}\right)$$
#
# The first part rises, the second falls. Where is their sum smallest? Set the derivative with respect to G to zero, or use
# the fact that a sum of two positive parts with a fixed product is smallest where the parts are equal.


# %%
def best_common_grid(h, w, c):
    """The real number G = G1 = G2 at which Eq. 15 is smallest."""
    # TODO the cheapest G: where do the two parts stop pulling?
    # solution
    return (h * w + c) ** (1 / 4)
    # end


# %%
checks.best_common_grid(best_common_grid)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The product of G² and (C + HW) / G² does not depend on G. What do you know about two parts like these?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# They must be equal: G² = (C + HW) / G². Multiply by G². (A numeric search is welcome, too, if it is as fine as a hundredth.)
#
# </details>

# %% [markdown]
# **Now predict.** The authors took G₁ = G₂ = 8 on 56 × 56 tokens with C = 48. How far from the cheapest common G is that?

# %%
best, trained = best_common_grid(56, 56, 48), 8
cheapest = hmhsa_cost(56, 56, 48, best, best)
more = hmhsa_cost(56, 56, 48, trained, trained) / cheapest - 1
print(f"cheapest at G = {best:.2f}; G = {trained} costs {more:.1%} more")
g, parts = costs.diagonal(56, 48)
show(
    cost.along_diagonal(g, parts, best, trained),
    f"The four terms of Eq. 15 stacked, against G from {g[0]:g} to {g[-1]:g}. Their sum is smallest at G = {best:.1f}, with "
    f"{amount(cheapest)} MACs; at the authors' G = {trained}, the dotted line, it is {more:.1%} larger.",
)

# %% [markdown]
# In this stage, their setting is close to the cheapest one. In the later stages they left the diagonal: G₁ = 7 with G₂ = 4
# and 2, finer cells than the cheapest. The last exercise asks why.

# %% [markdown]
# ## What the paper's "#FLOPs" leave out
#
# **Exercise 7** ● 10 minutes
#
# Table 2 of the paper gives HAT-Net-Tiny "2.0G FLOPs". Two conventions hide in this number.
#
# 1. It counts MACs and calls them FLOPs, as most papers do.
# 2. It counts convolutions and linear layers (and norms, less than half a percent), which are modules of PyTorch. QKᵀ and the
#    weights times V are not modules, so the usual tools of the time passed over them: the very products that this notebook is about.
#
# Torch's counter can tell the two apart. It keeps a table by kind of product: the attention products are batched matrix
# products, `bmm`. All other products are convolutions and linear layers.


# %%
def two_conventions(model, images):
    """MACs of a model, in two parts: what the paper counts, and what it leaves out."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(images, explicit=True)
    flops = {
        str(kind): number for kind, number in counter.get_flop_counts()["Global"].items()
    }  # like {"aten.bmm": 1234, ...}
    # TODO two conventions: return two numbers in MACs. Which kinds does the paper count?
    # solution
    products = flops["aten.bmm"] // 2
    return sum(flops.values()) // 2 - products, products
    # end


# %%
checks.two_conventions(two_conventions)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Print `flops` once: add a `print(flops)` above your answer and run the check. Everything in it is in FLOPs.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# What is left out is "aten.bmm" alone. What the paper counts is all the rest, whatever it is called.
#
# </details>

# %% [markdown]
# **Now predict.** HAT-Net-Tiny at 224 × 224: by how many percent do the attention products raise the paper's number: 1, 8 or
# 30? And at 448 × 448, will it be more or less?
#
# On the device "meta" torch keeps track of shapes but computes no numbers: all that a counter needs.

# %%
with torch.device("meta"):
    tiny = hatnet.create_model("hatnet_tiny").eval()
for pixels in (224, 448):
    images = torch.empty(1, 3, pixels, pixels, device="meta")
    linear, products = two_conventions(tiny, images)
    print(
        f"{pixels} x {pixels}: {linear / 1e9:.2f} billion MACs without the products, "
        f"{products / 1e9:.2f} billion more with them ({products / linear:.0%})"
    )

# %% [markdown]
# So "2.0G" is the number without the products. Here is the same recount for all four models, beside the paper's tables;
# `python -m hatnet` prints it too:

# %%
from hatnet.__main__ import main

with torch.device("meta"):
    main()

# %% [markdown]
# This matters when numbers are compared. In the same Table 2, most rows of other transformers count the products (DeiT, Swin,
# PVTv2); the rows of HAT-Net and Twins do not. Counted in the same way, HAT-Net-Small has 4.5 G, not 4.3 G. Before you
# compare two published numbers, ask: MACs or FLOPs? With the attention products or without?

# %% [markdown]
# ## Where Eq. 15 falls below Eq. 5
#
# **Exercise 8** ●● 10 minutes
#
# On a small map, H-MHSA is the more expensive one: it has more projections, and one full window is already plain attention.
# From how many tokens upwards is it cheaper? Set Eq. 15 equal to Eq. 5 and divide both by HWC. What is left is an equation
# that you can solve for HW:
#
# $$3C + 2HW = 4C + 2G_1^2 + \frac{2}{G_2^2}\,(C + HW)$$


# %%
def crossover(c, g1, g2):
    """The tokens HW above which Eq. 15 is below Eq. 5; math.inf if there are none."""
    if g2 == 1:
        return math.inf
    # TODO crossing: for which HW are both sides of the equation above equal?
    # solution
    return (c + 2 * g1**2 + 2 * c / g2**2) / (2 - 2 / g2**2)
    # end


# %%
checks.crossover(crossover)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Bring every HW to the left: HW · (2 − 2 / G₂²). What stays on the right does not depend on HW.
#
# </details>

# %% [markdown]
# **Now predict.** For C = 48 and G₁ = G₂ = 8 the crossing lies at 90 tokens. Does it move to fewer tokens or to more, if you
# halve G₁? And if you double C?

# %%
for c, g1, g2 in ((48, 8, 8), (48, 4, 8), (96, 8, 8)):
    print(f"C = {c}, G1 = {g1}, G2 = {g2}: from {crossover(c, g1, g2):.0f} tokens upwards")

# %% [markdown]
# ## Where it does so on this machine
#
# **Exercise 9** ●● 10 minutes
#
# MACs are not time. A layer also moves data, calls many small kernels, and cuts maps into windows. So measure, with care:
#
# - Both layers **take turns**. If another program needs the processor for a moment, it slows both.
# - The result is the **median** of the turns: a few slow ones do not move it. Beside it stands the **spread**, the distance
#   between the quartiles, in which the middle half of all turns lies.
# - Torch gets **one thread**. Several threads wait for one another, and if another program takes the core of one of them, all
#   of them stand still.
#
# The next cell takes a few seconds, and prints each size of map as soon as it is measured.

# %%
threads = torch.get_num_threads()
torch.set_num_threads(1)
print(
    f"By the formulas: from {crossover(48, 8, 8):.0f} tokens upwards, "
    f"a map of about {math.sqrt(crossover(48, 8, 8)):.0f} x "
    f"{math.sqrt(crossover(48, 8, 8)):.0f}."
)
found = {}
for side in (8, 14, 20, 28, 40, 56):
    timed = timing.measure(side, side, 48, 8, 8, 48, ("H-MHSA", "MHSA"), repeats=25)
    found[side] = {one.mechanism: one for one in timed}
    times = [
        f"{one.mechanism} {one.milliseconds:6.2f} ms (spread {one.spread:.2f})"
        for one in timed
    ]
    print(f"{side:2} x {side:2} tokens: {', '.join(times)}", flush=True)
torch.set_num_threads(threads)
restless = [
    side
    for side, timed in found.items()
    if any(one.spread > one.milliseconds / 2 for one in timed.values())
]
if restless:
    print(
        f"Restless at {', '.join(f'{side} x {side}' for side in restless)}: other programs are "
        "computing. For sharper numbers wait for them, and run this cell again."
    )

# %% [markdown]
# Two different medians are not yet two different speeds: run the cell above again, and each will differ from its earlier
# value. Call H-MHSA faster on a map only if the two medians stay apart when each is moved towards the other by half its
# spread. And say that it *overtakes* only where it stays faster on all larger maps that were measured.


# %%
def overtakes(found):
    """The first side from which H-MHSA stays faster, or None. found: small sides first."""
    first = None
    for side, timed in found.items():
        ours, plain = timed["H-MHSA"], timed["MHSA"]
        # TODO overtaking: is H-MHSA `faster` here, True or False? Both have .milliseconds (the
        # median) and .spread.
        # solution
        faster = ours.milliseconds + ours.spread / 2 < plain.milliseconds - plain.spread / 2
        # end
        if not faster:
            first = None  # it fell back: what was ahead before does not count
        elif first is None:
            first = side
    return first


# %%
checks.overtakes(overtakes)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The one that should be faster moves up, the other one down. By how much?
#
# </details>
#
# <details><summary>Next hint</summary>
#
# Add half of its spread to the one that should be faster, take half of its spread from the other, and compare.
#
# </details>

# %% [markdown]
# **Now predict.** Will the measured crossing lie at fewer tokens than the calculated one, or at more?

# %%
side = overtakes(found)
by_formula, largest = crossover(48, 8, 8), found[56]
if side is None:
    print(
        "In this measurement H-MHSA did not overtake plain attention, or not beyond the spread."
    )
else:
    print(
        f"On this machine H-MHSA is faster from {side} x {side} = {side**2} tokens upwards; "
        f"by MACs, from {by_formula:.0f}."
    )
speed = largest["MHSA"].milliseconds / largest["H-MHSA"].milliseconds
memory = largest["H-MHSA"].peak_bytes / largest["MHSA"].peak_bytes
macs = (mhsa_cost(56, 56, 48) + 56**2 * 48**2) / (
    hmhsa_cost(56, 56, 48, 8, 8) + 56**2 * 48**2
)  # W^p is in both layers
print(
    f"At 56 x 56: {macs:.1f} times fewer MACs, {speed:.1f} times as fast, and H-MHSA "
    f"needs {memory:.1f} times the memory at its peak."
)
macs_of = {
    "MHSA": [mhsa_cost(side, side, 48) for side in found],
    "H-MHSA": [hmhsa_cost(side, side, 48, 8, 8) for side in found],
}
rate = largest["MHSA"].milliseconds / mhsa_cost(56, 56, 48)  # milliseconds a MAC
show(
    cost.over_tokens(found, {name: rate * np.array(of) for name, of in macs_of.items()}),
    "Time of one attention layer against the number of tokens, both scales logarithmic, measured here. "
    + " ".join(
        f"{side} x {side}: MHSA {timed['MHSA'].milliseconds:.3g} ms, H-MHSA {timed['H-MHSA'].milliseconds:.3g} ms."
        for side, timed in found.items()
    ),
)

# %% [markdown]
# The lines with marks are measured, with their spread. The dotted lines show the times that the formulas predict if every MAC
# takes as long as one of plain attention's at 56 × 56.
#
# **What to expect.** On an idle machine H-MHSA overtakes somewhere between 20 × 20 and 40 × 40 tokens, and is several times as
# fast at 56 × 56. On small maps its measured line lies far above its dotted one: there, a layer's time goes into starting
# many small operations and into copies, of which H-MHSA has more, rather than into multiplications. So the crossing comes
# later than the MACs promise, and the factor at 56 × 56 is smaller than theirs. If your picture looks different, look at the
# spread first. Memory is another story: the fused kernel never lays out all weights, in either layer, so plain attention has
# already lost its worst habit.

# %% [markdown]
# ## Hard and open: what did the authors choose?
#
# **Exercise 10** ●●● 30 minutes
#
# Eq. 15 alone chooses nothing useful. But suppose that a layer has a **budget** of MACs, and that you say what you want for it.
# Say, in this order:
#
# 1. a window is never smaller than a cell, G₁ ≥ G₂: otherwise a token sees the details of almost nothing;
# 2. the cells are as fine as possible;
# 3. with what is then left, the windows are as large as possible.
#
# Both sides are whole numbers, from 1 to the shorter side of the map. Take Eq. 15 as it stands, also where the sides do not
# divide the map.


# %%
def best_for_budget(h, w, c, budget):
    """(g1, g2) by the three wishes, at no more than `budget` MACs; None if no pair is cheap enough."""
    # TODO budget: which pair comes first, if you sort all pairs by your wishes?
    # solution
    largest = min(h, w)
    for g2 in range(1, largest + 1):
        for g1 in range(largest, g2 - 1, -1):
            if hmhsa_cost(h, w, c, g1, g2) <= budget:
                return g1, g2
    return None
    # end


# %%
checks.best_for_budget(best_for_budget)

# %% [markdown]
# <details><summary>Hint</summary>
#
# There are at most a few thousand pairs: try them all. The order in which you try them can do the choosing.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# Two loops. The outer one goes through G₂ from the finest cells on; the inner one through G₁ from the largest window down. Where
# does the inner one end?
#
# </details>

# %% [markdown]
# **Now predict.** HAT-Net-Tiny has G₁, G₂ = 8, 8 in stage 2, then 7, 4 and 7, 2. Take what each of these costs as a budget. In
# how many of the three stages do the wishes above lead to the authors' own choice?

# %%
for side, c, g1, g2 in ((56, 48, 8, 8), (28, 96, 7, 4), (14, 240, 7, 2)):
    budget = hmhsa_cost(side, side, c, g1, g2)
    chosen = best_for_budget(side, side, c, budget)
    print(f"{side} x {side} tokens, C = {c}: the authors {(g1, g2)}, the wishes {chosen}")

# %% [markdown]
# In none of the stages could the cells be finer for the same cost, unless a window became smaller than a cell. That does not
# prove that the authors wished for the same, but it explains why G₂ falls from stage to stage: where there are few
# tokens, fine cells are cheap.
#
# **Now predict.** And large pictures? At 1,024 × 1,024 pixels, stage 2 has 256 × 256 tokens. With G₁ = G₂ = 8 as before, which of
# the four terms becomes the largest, and does the price of *one token* stay the same?

# %%
per_token = hmhsa_cost(56, 56, 48, 8, 8) / 56**2
print("pixels  tokens  global products   MACs a token, compared with 224 pixels and G = 8:")
print("               at G = 8, share    G = 8     cheapest G     plain attention")
for pixels in (224, 448, 1024):
    side = pixels // 4
    best, n = best_common_grid(side, side, 48), side**2
    products = global_cost(side, side, 48, 8)[1] / hmhsa_cost(side, side, 48, 8, 8)
    fixed, cheapest, plain = (
        macs / n / per_token
        for macs in (
            hmhsa_cost(side, side, 48, 8, 8),
            hmhsa_cost(side, side, 48, best, best),
            mhsa_cost(side, side, 48),
        )
    )
    print(
        f"{pixels:6}{n:8}{products:13.0%}{fixed:14.1f} x{cheapest:9.1f} x (G = {best:.1f})"
        f"{plain:8.0f} x"
    )
for price in (1, 2, 4):
    chosen = best_for_budget(256, 256, 48, price * per_token * 256**2)
    print(f"at 1024 pixels, for {price} times the price of a token: (G1, G2) = {chosen}")

# %% [markdown]
# With G₁ and G₂ left as they are, H-MHSA is on its way back to the square: the number of cells grows with the number of tokens,
# and at 1,024 pixels the global products are nearly all that is paid. If G grows along (with the square root of the image's
# side), the price of a token still grows, but only with the side and no longer with the area. Cells of 16 × 16 tokens are
# coarse, though. For the price of today you get no pair at all. So for large pictures the question of the authors comes back:
# what is a finer cell worth? A trained model runs with other G₁ and G₂ (notebook 4); how well, only a measurement can say
# (notebook 7).
#
# ## What to remember
#
# - Every attention costs the same way: Q for all that read, K and V for all that is read, and two products of the one with the
#   other. Eqs. 5 and 15 are nothing else.
# - Eq. 15 = what every token pays (Q₁, K₁, V₁, Q₂, and G₁² keys) + what every cell pays (K₂, V₂, and HW queries).
# - It is exact where G₁ and G₂ divide the map, and leaves out W^p.
# - It has no useful optimum in (G₁, G₂); with G₁ = G₂ the cheapest is (HW + C)^(1/4).
# - A "#FLOPs" means nothing without its convention, nor does a time without its spread.
#
# **Go on:** [6. Looking inside](06-looking-inside.ipynb). Or try this: for which C does the crossing move beyond 28 × 28
# tokens? Does the measured crossing move if you give torch all cores (`torch.set_num_threads(os.cpu_count())`)?
