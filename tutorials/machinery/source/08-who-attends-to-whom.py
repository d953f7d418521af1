# %% [markdown]
# # 8. Who may attend to whom: ViT, Swin, PVT, CNN, HAT-Net
#
# Five designs, one question: whose information can be in a token's output, after one step and after two? No training can
# change the answer. It is drawn here from the layouts by which `hatnet` computes, and confirmed with gradients.
#
# **You will** write the mask of windows that may be shifted and that of a convolution; follow masks through several steps;
# and count how many steps each design needs to see the whole map, and at what cost.
#
# **You need** notebooks 2 and 3, and Eq. 15 of notebook 5 for the table at the end.
#
# **Run time** on a CPU: about 5 seconds. Working time: 30 minutes, and 20 more for the last exercise.
#
# **In the app:** with `make app` running, open [the Cost
# page](http://localhost:8501/cost?checkpoint=cifar10&image=cat_chelsea&stage=2&g1=4,4&g2=2,2), which has the same designs
# beside H-MHSA.
#
# How it works: run the cells from top to bottom. Where it says `TODO`, write the code, then run the check below it. Hints
# and the solution are folded away; open one after another. Exercises are marked ● (one idea), ●● (several steps) or ●●● (hard
# and open).

# %%
import math

import torch

import hatnet
from app.core.samples import SAMPLES
from hatnet import complexity
from hatnet.attention import HMHSA, MHSA
from hatnet.geometry import layout_of
from hatnet.mechanisms import MECHANISMS
from hatnet.norms import TokenNorm, group_norm
from tutorials.machinery.checks import who_attends_to_whom as checks
from tutorials.machinery.figures import reach
from tutorials.machinery.start import photograph, show

# %% [markdown]
# ## A mask says who may read whom
#
# A map of h × w tokens has n = hw tokens, numbered row by row. A **mask** is a table of n × n truth values: row i, column j is
# True if token i may read token j. A **step** is one attention, or one convolution. An H-MHSA layer has two steps, one local
# and one global; a layer of the other designs has one.
#
# ### Windows, shifted or not
#
# In Swin, every second layer moves its windows by `shift` tokens down and to the right: the first *whole* window begins at row
# `shift` and column `shift`. The tokens before it form a smaller window of their own. They do not join the tokens at the other
# end of the map.
#
# **Exercise 1** ●● 10 minutes


# %%
def windows(h, w, g, shift):
    """The mask of windows of g x g tokens that begin at row and column `shift` (0 to g - 1): bool [n, n]."""
    y, x = torch.arange(h * w) // w, torch.arange(h * w) % w  # row and column of each token
    # TODO windows: True where two tokens are in the same window.
    # solution
    # The window of each token; -1 is the one before the first whole window.
    down, across = (y - shift) // g, (x - shift) // g
    return (down[:, None] == down) & (across[:, None] == across)
    # end


# %%
checks.windows(windows)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Which window down is a token of row y in, if there is no shift? Give each token the number of its window down and the number
# of its window across. `a[:, None] == a` compares every number with every other.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# With a shift, count the rows from the first whole window: y − shift. In torch, `//` rounds down for negative numbers too, so
# the rows before it get −1.
#
# </details>

# %% [markdown]
# ### A convolution
#
# A convolution of 3 × 3 is no attention, as its weights do not depend on what the tokens hold; but it has a mask all the same.
#
# **Exercise 2** ● 5 minutes


# %%
def touching(h, w):
    """The mask of a 3 x 3 convolution: bool [n, n]."""
    y, x = torch.arange(h * w) // w, torch.arange(h * w) % w
    # TODO convolution: True where one token is among the 3 x 3 around the other.
    # solution
    return ((y[:, None] - y).abs() <= 1) & ((x[:, None] - x).abs() <= 1)
    # end


# %%
checks.touching(touching)

# %% [markdown]
# <details><summary>Hint</summary>
#
# How far apart may two tokens be in rows, and in columns? Their numbers in the list do not tell: the last token of a row and
# the first of the next are neighbours there, and not on the map.
#
# </details>

# %% [markdown]
# ### Several steps
#
# If token i reads token k, and in the step before k has read j, then j's information can be in i. `k` may be any token.
#
# **Exercise 3** ●● 10 minutes


# %%
def reached(steps):
    """Which tokens (columns) can have a part in each token (row) after all the steps: bool [n, n].

    steps: a list of masks, the first step first.
    """
    # TODO several steps: join the masks.
    # solution
    found = steps[0]
    for step in steps[1:]:
        found = (step.float() @ found.float()) > 0
    return found
    # end


# %%
checks.reached(reached)

# %% [markdown]
# <details><summary>Hint</summary>
#
# "There is a k with step[i, k] and before[k, j]": sum over k, and see whether the sum is more than 0. A sum of products over k
# is a matrix product; it needs numbers, `mask.float()`.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# Which of the two stands on the left? A row starts at a token after the *last* step, and works back (as in notebook 6).
#
# </details>

# %% [markdown]
# ## Five pictures
#
# `hatnet.mechanisms` lists, for each mechanism, which keys its two steps read. A **layout** tells for every token which rows
# and columns its window holds; these tokens are read one by one. If it is *pooled*, each token reads the means of all cells.
# And every token keeps itself: the residual.

# %%
H, W, G1, G2 = 16, 16, 4, 2


def masks(layout):
    """What each token reads one by one, and what it reads in the mean of a cell: two masks, bool [n, n]."""
    single = torch.eye(layout.h * layout.w, dtype=torch.bool)
    if layout.pooled:
        return single, torch.ones_like(single)
    for y in range(layout.h):
        for x in range(layout.w):
            rows, columns = (torch.tensor(list(held)) for held in layout.held((y, x)))
            single[y * layout.w + x, (rows[:, None] * layout.w + columns).flatten()] = True
    return single, torch.zeros_like(single)


def layouts(mechanism):
    """The layouts of the two steps of one of hatnet's mechanisms."""
    return [layout_of(kind, H, W, G1, G2) for kind in MECHANISMS[mechanism].layout_kinds]


convolution = touching(H, W), torch.zeros(H * W, H * W, dtype=torch.bool)
designs = {
    "ViT": [masks(layout) for layout in layouts("full")],
    "Swin": [masks(layout) for layout in layouts("shifted_window")],
    "PVT": [masks(layout) for layout in layouts("pooled")],
    "CNN, 3 × 3": [convolution, convolution],
    "HAT-Net": [masks(layout) for layout in layouts("hierarchical")],
}
for number, shift in enumerate((0, G1 // 2)):
    assert torch.equal(windows(H, W, G1, shift), designs["Swin"][number][0])
print("Your windows are hatnet's, without a shift and with one.")

# %% [markdown]
# **Now predict.** A token on the cat's face, on a map of 16 × 16 tokens, with windows of 4 × 4 and cells of 2 × 2. After *one*
# step: how many tokens does it read in each of the five designs?

# %%
token = hatnet.token_at(SAMPLES["cat_chelsea"].place, (H, W))
photo = photograph("cat_chelsea")


def drawn(steps):
    """The five pictures after that many steps, and a line for each."""
    found = {}
    for name, both in designs.items():
        single, mean = zip(*both[:steps], strict=True)
        alone = reached(list(single))
        any_way = reached([a | b for a, b in zip(single, mean, strict=True)])
        row = token[0] * W + token[1]
        found[name] = alone[row].view(H, W).numpy(), any_way[row].view(H, W).numpy()
    show(
        reach.side_by_side(
            {
                name: reach.reach(alone, any_way, token, photo)
                for name, (alone, any_way) in found.items()
            }
        ),
        reach.reach_alt(found),
    )
    for name, (alone, any_way) in found.items():
        print(f"{name:10} {any_way.sum():3} tokens, {alone.sum():3} of them one by one")


drawn(1)

# %% [markdown]
# The ring marks the token that reads. Blue tokens are read one by one, orange ones only in the mean of their cell.
#
# **Now predict.** And after *two* steps? For Swin, the second step shifts the windows by 2. For HAT-Net it is the global step,
# which reads pooled cells.

# %%
drawn(2)

# %% [markdown]
# - **ViT** has everything after one step, token by token, and pays for every pair.
# - **PVT** has everything after one step too, but only in means: no step of its attention ever reads a neighbour by itself.
# - **Swin** reads its window token by token, and with the second step a part of four windows. Where the shifted window ends,
#   there is a new seam.
# - A **CNN** grows by one token in each direction with each step.
# - **HAT-Net** is Swin's first step followed by PVT's: the window token by token, everything else in means. And the tokens in
#   those means have read *their* windows first.
#
# ### Confirmed
#
# The pictures follow from the layouts. Do layers obey? Make a layer of each mechanism with random weights, take one output
# token, and ask by its gradient which input tokens it depends on. (The norm is one over single tokens here. The release's
# GroupNorm lets every token weakly into every window, as notebook 4 showed.)

# %%
for name, mechanism in (
    ("ViT, twice", "full"),
    ("Swin", "shifted_window"),
    ("PVT, twice", "pooled"),
    ("HAT-Net", "hierarchical"),
):
    torch.manual_seed(0)
    layer = MECHANISMS[mechanism](48, 24, TokenNorm).double().eval()
    x = torch.randn(1, 48, H, W, dtype=torch.float64, requires_grad=True)
    layer(x, G1, G2)[0, :, token[0], token[1]].square().sum().backward()
    depends = x.grad.abs().sum(1).flatten() > 0
    expected = reached([single | mean for single, mean in map(masks, layouts(mechanism))])
    assert torch.equal(depends, expected[token[0] * W + token[1]])
    print(f"{name:10} depends on {int(depends.sum()):3} tokens, exactly those of its mask")

# %% [markdown]
# ## How many steps to the whole map?
#
# A design repeats its steps: a CNN the same one over and over, Swin its two in turn. After how many is *every* token reached
# from *every* token? For windows that never move the answer is: never.
#
# **Exercise 4** ●●● 20 minutes, open


# %%
def steps_needed(steps, most=200):
    """After how many steps every token has reached every other one; math.inf if not within `most` steps.

    steps: masks, which are repeated in turn: with two of them, first, second, first, second, ...
    """
    # TODO whole map: the number of steps, or math.inf.
    # solution
    found = torch.eye(len(steps[0]), dtype=torch.bool)
    for number in range(most):
        found = reached([found, steps[number % len(steps)]])
        if found.all():
            return number + 1
    return math.inf
    # end


# %%
checks.steps_needed(steps_needed)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Before any step, a token has reached itself only: the identity. Add one step at a time and check whether all are True.
#
# </details>
#
# <details><summary>Next hint</summary>
#
# `reached([found, step])` adds one step to what you have. The step number i is `steps[i % len(steps)]`.
#
# </details>

# %% [markdown]
# Now the paper's first map with attention: 56 × 56 tokens of 48 channels, windows of 8 × 8, cells of 8 × 8 (PVT reduces by 8,
# too). In all of these designs rows and columns are treated alike, so that one column of 56 tokens is enough to count steps.
#
# **Now predict.** How many steps does the CNN need? And Swin, with windows of 8 that move by 4 in every second step?
#
# H-MHSA's two steps are those of Swin and PVT, so that the count of one layer gives all three: each has the projections and
# products of its own step, and one matrix W^p.

# %%
h, c, g1, g2 = 56, 48, 8, 8
part = complexity.attention_macs(HMHSA(c, 24, group_norm), h, h, c, g1, g2)
local = part["qkv"] + part["local.products"]
pooled = part["q"] + part["kv"] + part["global.products"]
layers = {
    "ViT": sum(complexity.attention_macs(MHSA(c, 24, group_norm), h, h, c).values()),
    "Swin": local + part["proj"],
    "PVT": pooled + part["proj"],
    "CNN, 3 × 3": 9 * h * h * c**2,
    "HAT-Net": local + pooled + part["proj"],
}
everything = torch.ones(h, h, dtype=torch.bool)
column = {
    "ViT": [everything],
    "Swin": [windows(h, 1, g1, 0), windows(h, 1, g1, g1 // 2)],
    "PVT": [everything],
    "CNN, 3 × 3": [touching(h, 1)],
    "HAT-Net": [windows(h, 1, g1, 0), everything],
}
keys = {
    "ViT": f"{h * h:,} tokens",
    "Swin": f"{g1 * g1} tokens",
    "PVT": f"{(h // g2) ** 2} cells",
    "CNN, 3 × 3": "9 tokens",
    "HAT-Net": f"{g1 * g1} tokens, {(h // g2) ** 2} cells",
}
print(
    f"{'':12}{'a token reads':>22}{'MACs of a layer':>18}{'steps':>8}{'layers':>9}   until all have met"
)
for name, macs in layers.items():
    steps = steps_needed(column[name])
    in_a_layer = 2 if name == "HAT-Net" else 1
    print(
        f"{name:12}{keys[name]:>22}{macs / 1e6:14,.0f} M{steps:10}{math.ceil(steps / in_a_layer):8}"
    )

# %% [markdown]
# HAT-Net's layer costs somewhat less than one of Swin's and one of PVT's together, and a fraction of ViT's. One such layer sees
# the whole map, its own window in detail and the rest in means of 64 tokens. PVT's is the cheapest, and sees not even its
# neighbours in detail.
#
# What this table does not say:
#
# - **"May" is not "does".** A mask is a ceiling. What a trained model uses of it is measured with knock-outs (notebook 7).
# - **Depth is not only steps.** All of these except ViT are pyramids: between stages a map of half the side is made, so that
#   the next step reaches twice as far, and a Swin or a CNN sees everything long before this many steps. PVT's own reduction is
#   a strided convolution with weights of its own, and not a mean. And a block has an MLP, in HAT-Net with a 3 × 3 convolution,
#   which adds one token in each direction.
# - **The masks tell where position comes from.** ViT's mask is all True: shuffle the tokens, and it stays the same, so that a
#   ViT needs to be told where each token lies. Every other mask here changes when tokens are shuffled.
#
# **Now predict.** Which of these five would you choose for a photograph of 2,000 × 2,000 pixels in which a single pixel-wide
# scratch must be found, and what would a global step add?
#
# <details><summary>Answer</summary>
#
# A scratch is local and fine: windows or a convolution see it. In a pooled cell of 64 tokens it is a 64th of the mean. The
# global step adds context, such as whether the rest of the surface has the same texture; plain attention over all tokens of
# such a picture is out of reach.
#
# </details>
#
# **Go on:** [9. A quiz, and a project](09-quiz-and-project.ipynb). Or try this: with which G₁ does Swin need at most 6 steps
# on 56 × 56 tokens, and what does its layer cost then?
