# %% [markdown]
# # 6. Looking inside
#
# **You will** read attention maps and know what each number in them means; find the seam between two windows; follow
# attention through two hops and through all blocks; write Integrated Gradients and Grad-CAM; and then test all of these maps.
# Some will fail.
#
# **You need** notebooks 2 to 4, and some idea of how gradients are computed in PyTorch.
#
# **Run time** on a CPU: about 35 seconds. Working time: 60 minutes.
#
# **In the app:** with `make app` running, [open this photograph in
# Explorer](http://localhost:8501/explorer?checkpoint=cifar10&image=cat_chelsea&stage=2&block=2) and [in
# Why?](http://localhost:8501/why?checkpoint=cifar10&image=cat_chelsea&stage=2&block=2).
#
# How it works: run the cells from top to bottom. Where it says `TODO`, write the code, then run the check below it. The hint
# and the solution are folded away.

# %%
import warnings
from contextlib import nullcontext

# Captum could show progress bars, which are not wanted here.
warnings.filterwarnings("ignore", message="IProgress not found")

import numpy as np
import torch

import hatnet
from app.views.why import attribution
from app.views.why.evidence import NAMES, Evidence, Question
from app.views.why import scores as faithfulness
from tutorials.figures import faithfulness as curves, maps
from tutorials.figures.beside import beside
from app.core import overlay
from app.core.samples import SAMPLES
from hatnet.mechanisms import MECHANISMS
from tutorials.checks import looking_inside as checks
from tutorials.start import model_and_image, photograph, show

# %% [markdown]
# ## The maps of one forward pass
#
# `hatnet.attention_maps` runs a model once and returns its logits and the weights of Eq. 2 from every block: first the local
# step, then the global one. Nothing is stored in the model, and no hook is attached to it.
#
# The model here is small and shipped with the project. It tells ten classes apart, on pictures of 32 × 32 pixels.

# %%
name = "cat_chelsea"
model, image, info = model_and_image("cifar10", name)
photo = photograph(name, 160)
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
# Each line is one record. `record.row(y, x)` holds the weights that the token in row `y` and column `x` (counted from 0)
# gives to its keys: `[heads, keys down, keys across]`, probabilities that sum to 1 in each head. Stage 4 has one line for
# each block, because it is plain attention.
#
# We shall stay for a while with the two records of stage 2's last block, and with one token on the cat's face.

# %%
near, far = records[2], records[3]
token = hatnet.token_at(SAMPLES[name].place, near.query_grid)
window, weights = near.window(*token), near.row(*token).mean(0)
show(
    {
        "local: its own window": maps.local_map(
            weights.numpy(), window, token, photo, near.query_grid
        ),
        "global: all cells": maps.global_map(
            far.row(*token).mean(0).numpy(), far.g2, token, photo, far.query_grid
        ),
    },
    f"Two maps of the token in row {token[0]}, column {token[1]}: its weights inside "
    "its 4 x 4 window, and over 8 x 8 pooled cells.",
)

# %% [markdown]
# Blue is local, orange is global, and the ring marks the token that reads. To compare the two steps, put both on the same
# token grid.
#
# ## A local row on the whole map
#
# A local row has as many numbers as its window has tokens. `record.window(y, x)` says where that window lies: top, left,
# height, width. Heads are averaged, as is usual (each may read something else, and averaging hides that).


# %%
def local_on_map(record, token):
    """The weights that a token gives to all tokens of the map: [h, w], 0 outside its window."""
    whole = torch.zeros(record.query_grid)
    top, left, height, width = record.window(*token)
    # TODO local map: put the mean of the row's heads where the window lies.
    # solution
    whole[top : top + height, left : left + width] = record.row(*token).mean(0)
    # end
    return whole


# %%
checks.local_on_map(local_on_map)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `whole[a:b, c:d] = ...` writes into a part of a tensor. The row is `record.row(*token)`, with heads first.
#
# </details>

# %% [markdown]
# ## A global row on the whole map
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
    # TODO global map: give every token its share of its cell's weight.
    # solution
    size = row.bincount()[:, None] * column.bincount()[None, :]
    return (cells / size)[row][:, column]
    # end


# %%
checks.global_on_map(global_on_map)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `row.bincount()` counts the rows of tokens in each row of cells, so height times width gives each cell's number of tokens.
# Divide by that first. Then `cells[row][:, column]` repeats each cell over its tokens.
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
# Softmax gives nothing a weight of 0. So every token of the window gets something, and so, through the cells, does every
# token of the map.
#
# ## The seam
#
# Take two tokens side by side, one before the right edge of a window and one beyond it. In the picture they are neighbours.
# Locally they have never met.


# %%
def seam(token, g1):
    """Two places (row, column): the last token of the window, and the one to its right."""
    y, x = token
    # TODO seam: return the two tokens, the one before the edge first.
    # solution
    last = x // g1 * g1 + g1 - 1
    return (y, last), (y, last + 1)
    # end


# %%
checks.seam(seam)

# %% [markdown]
# <details><summary>Hint</summary>
#
# With G₁ = 4, windows begin at columns 0, 4, 8, ... Which column does the window of column 6 begin at, and which does it end
# at?
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
        f"{kind:6}  to {inside} inside: {whole[inside].item():.4f}   to {beyond} beyond "
        f"the edge: {whole[beyond].item():.4f}"
    )
assert local_on_map(near, before)[beyond] == 0  # exactly

# %% [markdown]
# Not just small, but exactly 0, for this photograph and for every other. No training can change that, because the product is
# never computed. The global step restores the link, but only through a cell: the neighbour is read as a quarter of a mean.
#
# Two remarks. Whether a *weight* is 0 is one question; whether a neighbour has *any influence* is another: the release's
# GroupNorm takes its mean and variance over the whole map, and so gives every token a weak influence on every window. And
# other designs mend the seam in other ways. Here they all are, untrained, at this pair of tokens:


# %%
def share(record, token, other):
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
        f"{word:16} {share(untrained[0], before, beyond):12.4f} "
        f"{share(untrained[1], before, beyond):12.4f}"
    )

# %% [markdown]
# Windows alone never join the two. Shifting the windows (Swin) joins them in the second step, and makes a seam elsewhere.
# Pooled and full attention have no seam; the first never sees a single token, the second pays for every pair.

# %% [markdown]
# ## Two hops
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
# Read a product from the left: it starts at the token that reads, and works back towards the sources.


# %%
def two_hop(a_loc, a_glob, pool):
    """The share of every token (column) in every token (row): [n, n], rows sum to 1."""
    once = (torch.eye(len(a_loc)) + a_loc) / 2
    # TODO two hops: average the path through the cells and the direct path.
    # solution
    return (a_glob @ pool @ once + once) / 2
    # end


# %%
checks.two_hop(two_hop)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `once` is the local step with its residual, already halved. The path through the cells is a product of three matrices; the
# one nearest to the token that reads comes leftmost.
#
# </details>

# %% [markdown]
# Now build the real matrices, from your own functions: one row for each of the 256 tokens. The result is compared with
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
# way. With 64 cells, 4 tokens in each and 16 sources for each of those, will the strongest single path carry about 50 %, 10 %
# or 2 %?

# %%
query = tokens.index(token)
once = (torch.eye(h * w) + a_loc) / 2
paths = (
    a_glob[query][:, None, None] / 2 * pool[:, :, None] * once[None]
)  # [cells, tokens of the cell, sources]
shares, order = paths.flatten().topk(5)
for share_of, index in zip(shares.tolist(), order.tolist(), strict=True):
    cell, via, source = (int(n) for n in np.unravel_index(index, paths.shape))
    row, column = divmod(cell, w // far.g2)
    print(
        f"{share_of:.2%}: {token} <- cell {(row, column)} <- {tokens[via]} <- {tokens[source]}"
    )
print(
    f"All {int((paths > 0).sum()):,} paths through cells together: {paths.sum():.0%}; "
    f"the direct one: {1 - paths.sum():.0%}."
)
direct, through = once[query].view(h, w) / 2, paths.sum((0, 1)).view(h, w)
window, cells = near.window(*token), overlay.cells(far.g2, (h, w))
tiles = {
    "direct": ("local", direct, [window]),
    "through cells": ("global", through, cells),
}
figures = {
    title: maps.compared_map(part.numpy(), kind, part.max().item(), token, photo, boxes)
    for title, (kind, part, boxes) in tiles.items()
}
show(
    beside(figures, height=230),
    "Where the token's information comes from: directly, from its own window; and "
    "through the pooled cells, from the whole map.",
)

# %% [markdown]
# No single path carries much. What a token knows of distant places comes in thousands of small parts. Each map here has a
# colour scale of its own.

# %% [markdown]
# ## Rollout: through all blocks
#
# The next block does the same again. *Attention rollout* (Abnar and Zuidema, 2020) follows attention through all of them:
# take each block's matrix, average it with the identity (because half of each token passes the block by its residual), and
# multiply.


# %%
def rollout(blocks):
    """Shares of the first block's tokens (columns) in the last block's tokens (rows).

    blocks: [n, n] each, the first block first.
    """
    # TODO rollout: multiply the blocks in the right order, each averaged with the identity.
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
# Begin with the identity. Should each new block go to the left or to the right of what you have? A row starts at a token of
# the last block, and works back.
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
# as the picture. Keep this in mind when you see a rollout map without a baseline.

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
# Follow the straight line from a picture without content, the *baseline*, to the photograph. At each point, find out how the
# class's logit changes with each pixel (its gradient). Take the mean of these gradients along the path, and multiply it by
# how far each pixel has moved:
#
# $$\text{IG} = (x - x_0) \cdot \frac{1}{n}\sum_{k=1}^{n} \nabla f\Big(x_0 + \tfrac{k - 1/2}{n}\,(x - x_0)\Big)$$
#
# The map adds up to f(x) − f(x₀): nothing is lost. This is called completeness, and it means something only if the baseline
# is stated. Ours is the mean colour, which is 0 after normalisation.


# %%
def integrated_gradients(forward, image, baseline, target, steps):
    """Integrated Gradients of logit `target`: [h, w], channels added.

    image, baseline [1, 3, h, w]; forward: images -> logits.
    """
    difference = image - baseline
    total = torch.zeros_like(image)
    for step in range(steps):
        # TODO IG, one point: make `point`, which lies (step + 1/2) / steps of the way from
        # the baseline to the image. It needs a gradient.
        # solution
        point = (baseline + (step + 0.5) / steps * difference).requires_grad_()
        # end
        total += torch.autograd.grad(forward(point)[0, target], point)[0]
    # TODO IG: turn the sum of the gradients into the map [h, w].
    # solution
    return (difference * total / steps)[0].sum(0)
    # end


# %%
checks.integrated_gradients(integrated_gradients)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `point` is made from `baseline` and `difference`; `.requires_grad_()` at the end tells torch that its gradient is wanted.
# For the map, multiply the mean gradient by `difference`, take the one image of the batch, and add up its channels.
#
# </details>

# %% [markdown]
# Captum, a library of such methods, does the same with a finer rule for where the points lie.
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
# Grad-CAM uses the features of a stage instead of the pixels. How much does the class's logit change with each channel,
# on average over the tokens? That mean gradient is the channel's weight. The map is the weighted sum of the channels.
#
# Most implementations attach hooks to the model. A model that is shared, as in the app, must not be touched; and with fused
# kernels, many a hook has caught nothing. There is a simpler way: cut the model in two. `features` is the output of a stage,
# `head` is the rest of the model, from these features to the logits.


# %%
def grad_cam(features, head, target):
    """Grad-CAM of logit `target`: [h, w], without the usual clipping at 0.

    features [1, c, h, w]; head: features -> logits.
    """
    features = features.detach().requires_grad_()
    gradient = torch.autograd.grad(head(features)[0, target], features)[0]
    # TODO Grad-CAM: weigh each channel by its mean gradient over all tokens, and add the
    # channels up.
    # solution
    weights = gradient.mean((2, 3), keepdim=True)
    return (weights * features)[0].sum(0).detach()
    # end


# %%
checks.grad_cam(grad_cam)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `gradient` has the shape of the features, `[1, c, h, w]`. The tokens are its last two axes; keep them as 1 × 1 so that the
# product with the features works. Detach the result.
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
# 16 × 16 squares. Bright means three times an even share, or more.


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
    for _ in found.work(lambda done, what: None):
        pass
    return found


cat = evidence("cat_chelsea")
for three in (list(NAMES)[:3], list(NAMES)[3:]):
    tiles = {}
    for method in three:
        ring = cat.question.place if method in ("raw", "hops") else None
        tiles[NAMES[method]] = maps.uncovered(cat.importance(method), photo, ring)
    show(
        beside(tiles, height=200),
        "Three maps of the cat under a black veil, lifted where the method finds "
        "the picture important: " + ", ".join(tiles),
    )

# %% [markdown]
# They disagree. Raw attention and two hops start at the ringed token; the others are about the whole prediction. Which one is
# right? Looking at them will not tell: a map that pleases the eye may have nothing to do with the model.

# %% [markdown]
# ## A test: take away what the map calls important
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
    # TODO order: the cells' numbers 0 .. rows * columns - 1, the most important first.
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
            # TODO deletion: append the class's probability for what is left.
            # solution
            curve.append(forward(left)[0].softmax(0)[target].item())
            # end
    return curve


# %%
checks.deletion(deletion)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `np.argsort` sorts from small to large, and wants a flat array: `importance.ravel()`. Probabilities are the softmax of the
# logits of the one image.
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
# random maps would reach.
#
# **Now predict.** Five photographs, six maps, two scores each. Which of the six are better than chance most often: the three
# that follow attention, or the three attributions?

# %%
names = ("cat_chelsea", "deer_moose", "bird_owl", "horse_herd", "bird_macaw")
signs = {"better": "+", "within": ".", "worse": "-"}
titles = NAMES | {"raw": "Raw", "gradients": "IG"}
better = dict.fromkeys(NAMES, 0)
print(f"{'insertion, deletion':26}" + "".join(f"{title:>10}" for title in titles.values()))
for each in names:
    found = cat if each == "cat_chelsea" else evidence(each)
    random = [faithfulness.chance(found.curves("random")[:, kind]) for kind in (0, 1)]
    marks = []
    for method in NAMES:
        scores = [faithfulness.score(curve) for curve in found.curves(method)]
        verdicts = [
            faithfulness.outcome(score, chance, test)
            for score, chance, test in zip(scores, random, faithfulness.TESTS, strict=True)
        ]
        better[method] += verdicts.count("better")
        marks.append(", ".join(signs[verdict] for verdict in verdicts))
    said = f"{SAMPLES[each].title}: {info.classes[found.question.target]!r}"
    print(f"{said:26}" + "".join(f"{mark:>10}" for mark in marks))
print(
    f"{'better than chance, of 10':26}"
    + "".join(f"{better[method]:>10}" for method in NAMES)
)
print(
    "\n+ better than chance, . within chance, - worse. In quotes: the model's prediction.\n"
    "The maps explain that prediction, right or wrong."
)
follow, ask = (
    [better[method] for method in three] for three in (list(NAMES)[:3], list(NAMES)[3:])
)
print(
    f"Follow attention: {sum(follow)} of 30 scores better than chance. Ask the model: "
    f"{sum(ask)} of 30."
)

# %%
random = cat.curves("random")[:, 1]
nothing = cat.curves("learned nothing")[1]
raw, gradients = cat.curves("raw")[1], cat.curves("gradients")[1]
show(
    curves.removed(("Integrated Gradients", gradients), raw, random, nothing),
    faithfulness.alt("removed", ("Integrated Gradients", gradients), raw, random)
    + " Black: Integrated Gradients. Orange: raw attention. Grey: random maps, and "
    "dashed: Occlusion of a model with random weights.",
)

# %% [markdown]
# The cat, with squares removed. Black: Integrated Gradients. Orange: raw attention. Grey band: random maps. Dashed: Occlusion
# of a model that has learned nothing, scored on the real one.
#
# Occlusion and Integrated Gradients do best; Grad-CAM, here on stage 2, does no better than raw attention. So being an
# attribution does not guarantee quality either: test each method.
#
# Read the table for its overall tendency, not for single marks: five photographs are few, a random map is sometimes lucky,
# and pictures with holes are unlike anything the model was trained on. But a map that cannot beat a random one is no
# explanation of the prediction, however well it follows the cat.
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
