# %% [markdown]
# # 9. A quiz, and a project
#
# Ten questions over all notebooks. None can be answered by looking up a sentence: each takes something that you built, into a
# case that you have not seen. Then a project of your own, with what it will be judged by, and where to read on.
#
# **You will** find out what you can use, and what you can only repeat; and train three mechanisms on photographs of your own.
#
# **You need** notebooks 1 to 8. Beside each question stands the notebook that it builds on.
#
# **Run time** on a CPU: about 5 seconds. Working time: 45 minutes for the quiz, a day for the project.
#
# **In the app:** with `make app` running, [Why?](http://localhost:8501/why?checkpoint=cifar10&image=cat_chelsea&stage=2&block=2)
# is a good place to doubt your answer to question 8. Runs of the project appear in the app's list of checkpoints by themselves.
#
# How it works: answer below each question, and run the check. A wrong answer is told why it is wrong. Most questions ask for a
# letter; two ask for code. Questions are marked ● (one idea), ●● (two ideas at once) or ●●● (hard).

# %%
import hatnet
import torch

from app.core.samples import SAMPLES
from hatnet.geometry import layout_of
from tutorials.machinery.checks import quiz_and_project as checks
from tutorials.machinery.figures import reach
from tutorials.machinery.start import photograph, show

# %% [markdown]
# ## Question 1 ● (notebook 1)
#
# You swap two tokens of a plain attention layer's input (Eqs. 1 to 3: queries, keys, values, residual, no windows). What
# happens to its output?
#
# - **a** Nothing: attention does not care where tokens lie.
# - **b** The same two rows of the output are swapped, and no number changes.
# - **c** All rows change, as every token reads the two that moved.
# - **d** Only the two rows change, to new values, as each now lies at another place.


# %%
def exchanged():
    """One letter."""
    # TODO question 1: return "a", "b", "c" or "d".
    # solution
    # A sum over keys has no order, so each token gets what it got before, wherever its row now is.
    return "b"
    # end


# %%
checks.exchanged(exchanged)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Follow one token that did not move: it has the same query as before, and meets the same keys, in another order. Then follow
# one that did.
#
# </details>

# %% [markdown]
# ## Question 2 ●● (notebook 1)
#
# All d entries of a query and of a key are drawn independently, with mean 0 and standard deviation s. What is the *variance*
# of their score, $\mathbf{q}\cdot\mathbf{k}/\sqrt{d}$? Write it in terms of `d` and `s`.


# %%
def score_variance(d, s):
    """The variance of q · k / sqrt(d)."""
    # TODO question 2: a formula in d and s, either of which may drop out.
    # solution
    # Each product has the variance s² · s², the sum of d of them d times as much, and division by sqrt(d) takes d away.
    return s**4
    # end


# %%
checks.score_variance(score_variance)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The variance of a product of two independent numbers with mean 0 is the product of their variances. Variances of independent
# numbers add. Dividing a number by a divides its variance by a².
#
# </details>

# %% [markdown]
# ## Question 3 ●● (notebook 2)
#
# Someone cuts a map of 16 × 16 tokens with `rearrange(x, "b c (i gh) (j gw) -> b (gh gw) (i j) c", i=4, j=4)`, runs attention
# in each "window", and puts everything back with the reverse pattern. Which test *cannot* find the mistake?
#
# - **a** Change one token, and see which outputs change.
# - **b** Compare with the released model, with the same weights.
# - **c** Draw the local attention map of one token on the photograph.
# - **d** Check that cutting and putting back gives the map again.


# %%
def blind_test():
    """One letter."""
    # TODO question 3: return "a", "b", "c" or "d".
    # solution
    # The reverse pattern undoes any pattern. A test that goes there and back is blind to where "there" is.
    return "d"
    # end


# %%
checks.blind_test(blind_test)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Which tokens does such a "window" hold? Which of the four tests gives the same result for these tokens as for neighbours?
#
# </details>

# %% [markdown]
# ## Question 4 ●● (notebook 2)
#
# A map of `h` × `w` tokens is padded at the bottom and right until windows of `g` × `g` fit. How many *real* keys does the
# token in row `y` and column `x` have (both counted from 0)?


# %%
def real_keys(y, x, h, w, g):
    """A whole number."""
    # TODO question 4: the tokens of the map in this token's window.
    # solution
    top, left = y // g * g, x // g * g
    return min(g, h - top) * min(g, w - left)
    # end


# %%
checks.real_keys(real_keys)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Where does the token's window begin? How many rows of the map are left from there, if that is fewer than g?
#
# </details>

# %% [markdown]
# ## Question 5 ●●● (notebook 3)
#
# H-MHSA averages the tokens of each cell first (Eq. 10), and makes K₂ and V₂ from the means (Eq. 12). Someone does it the
# other way round: keys and values from *every* token, which are then averaged in each cell. No norm stands between the two.
#
# - **a** Other numbers: the model must be trained again.
# - **b** The same numbers, and the same cost.
# - **c** The same numbers, but these two projections cost G₂² times as much.
# - **d** The same numbers for the keys; other ones for the values, as softmax weighs them.


# %%
def averaged_late():
    """One letter."""
    # TODO question 5: return "a", "b", "c" or "d".
    # solution
    # A projection is linear (its bias too survives the mean), so it may change places with a mean; but it
    # then runs for every token and not for every cell.
    return "c"
    # end


# %%
checks.averaged_late(averaged_late)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Write the mean of two projected tokens, (x W + y W) / 2, in another way. Then count the rows that go through W.
#
# </details>

# %% [markdown]
# ## Question 6 ●● (notebooks 2 and 4)
#
# You want to *prove* by experiment that H-MHSA's local step, as released, reads nothing outside its window: you change a token
# far away, and the local result should not change at all. It does, in the third digit. What makes the proof possible?
#
# - **a** Float64: it is rounding.
# - **b** A norm over the channels of each token, in place of GroupNorm(1).
# - **c** Leaving out the residual of Eq. 9.
# - **d** Masking the padding.


# %%
def proof():
    """One letter."""
    # TODO question 6: return "a", "b", "c" or "d".
    # solution
    # GroupNorm(1) takes one mean and one variance over the whole map, so the far token is in everyone's input.
    return "b"
    # end


# %%
checks.proof(proof)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The windows are cut from norm(X). Which tokens are in the mean that this norm subtracts?
#
# </details>

# %% [markdown]
# ## Question 7 ●●● (notebook 5)
#
# Photographs get larger and larger, C stays as it is. How must G₁ and G₂ be chosen for the cost of Eq. 15 to grow only *in
# proportion to the number of tokens*?
#
# - **a** Both stay as they are: that is what windows and cells are for.
# - **b** G₁ grows with the side of the map, G₂ stays.
# - **c** G₁ stays, G₂ grows with the side of the map.
# - **d** Both grow with the side of the map.


# %%
def in_proportion():
    """One letter."""
    # TODO question 7: return "a", "b", "c" or "d".
    # solution
    # Then a token has G1² keys near and always as many cells far: a fixed number of keys, whatever the size.
    return "c"
    # end


# %%
checks.in_proportion(in_proportion)

# %% [markdown]
# <details><summary>Hint</summary>
#
# How many keys does one token have, in the local and in the global step? For a cost in proportion to the tokens, neither may
# grow.
#
# </details>

# %% [markdown]
# ## Question 8 ●● (notebook 6)
#
# A model says "dog", and in its last block a head gives 70 % of its weight to the ear. Which finding speaks most for the ear
# being a reason for the answer?
#
# - **a** Blurring the ear lowers the probability of "dog" far more than blurring other places of the same size.
# - **b** The other heads look at the ear, too.
# - **c** Rollout through all blocks shows the ear, too.
# - **d** The same head looks at ears on other photographs of dogs.
#
# <!-- not printed here: 70 % (an example) -->


# %%
def reason():
    """One letter."""
    # TODO question 8: return "a", "b", "c" or "d".
    # solution
    # The others look at attention once more. Only an intervention, with a comparison, asks what depends on it.
    return "a"
    # end


# %%
checks.reason(reason)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Which of the findings could be there just the same if the head's output were thrown away?
#
# </details>

# %% [markdown]
# ## Question 9 ●● (notebook 7)
#
# On a task with four answers, two mechanisms are trained with the same recipe, three seeds each. W gets 25, 25 and 26 %, F gets
# 25, 31 and 27 %. For W you also find: the logits of the place that is asked do not change when all other pixels are replaced.
# In every picture that place itself looks the same. What may you say?
#
# - **a** Neither can solve the task.
# - **b** F is better than W at this task.
# - **c** W did not learn it here. With more steps or another recipe, either may.
# - **d** W cannot solve it. F did not learn it here.
#
# <!-- not printed here: 26 % (an example); 27 % (an example) -->


# %%
def cannot():
    """One letter."""
    # TODO question 9: return "a", "b", "c" or "d".
    # solution
    # What W knows at that place is the same in every picture, trained or not. For F there are three bad runs, no more.
    return "d"
    # end


# %%
checks.cannot(cannot)

# %% [markdown]
# <details><summary>Hint</summary>
#
# For which of the two does the finding hold whatever the weights are?
#
# </details>

# %% [markdown]
# ## Question 10 ●●● (notebook 8)
#
# Three models, and the tokens that the ringed one can have read (blue: one by one, orange: in the mean of a cell). A: windows
# of 4 × 4, then shifted by 2. B: four convolutions of 3 × 3. C: one H-MHSA layer with windows of 4 × 4 and cells of 2 × 2.

# %%
H, W = 16, 16
TOKEN = hatnet.token_at(SAMPLES["cat_chelsea"].place, (H, W))
y, x = TOKEN
none = torch.zeros(H, W, dtype=torch.bool)
a, b, c = none.clone(), none.clone(), none.clone()
top, left, height, width = layout_of("shifted_window", H, W, 4, 2).rectangle(TOKEN)
for row in range(top, top + height):
    for column in range(left, left + width):  # each of these has read its own window before
        up, back, tall, wide = layout_of("window", H, W, 4, 2).rectangle((row, column))
        a[up : up + tall, back : back + wide] = True
b[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5] = True
top, left, height, width = layout_of("window", H, W, 4, 2).rectangle(TOKEN)
c[top : top + height, left : left + width] = True
found = {
    "A": (a.numpy(), none.numpy()),
    "B": (b.numpy(), none.numpy()),
    "C": (c.numpy(), (~none).numpy()),
}
photo = photograph("cat_chelsea")
show(
    reach.side_by_side(
        {name: reach.reach(*both, TOKEN, photo) for name, both in found.items()}
    ),
    reach.reach_alt(found),
)

# %% [markdown]
# A single token in the far corner, bottom right, decides the answer, and the ringed token must give it. In C's global step a
# head gives 40 % of its weight to the cell in that corner. What is true?
#
# - **a** Only C can answer; and 40 % of what that head reads comes from the token in the corner.
# - **b** Only C can answer; and 10 % of what that head reads comes from the token in the corner by way of that cell's mean.
# - **c** All three can, if they are trained long enough.
# - **d** None can: C sees means only, in which a single token is lost.
#
# <!-- not printed here: 40 % (an example); 10 % (of the question) -->


# %%
def far_corner():
    """One letter."""
    # TODO question 10: return "a", "b", "c" or "d".
    # solution
    # In A and B the corner is dark: no weight links them. In C the token is a quarter of its cell's mean.
    return "b"
    # end


# %%
checks.far_corner(far_corner)

# %% [markdown]
# <details><summary>Hint</summary>
#
# What colour has the corner in each picture? And how many tokens share the weight of a cell of 2 × 2?
#
# </details>

# %% [markdown]
# ## Now: how sure were you?
#
# Count the questions that you got right *before* any message: 8 or more, and you can read papers on attention critically; 5
# to 7, and it pays to work once more through the notebooks named beside those that you missed. Then the project.
#
# # The project: three mechanisms on photographs of your own
#
# **The question.** On *your* photographs, does it matter what a token may read?
#
# 1. **Collect** photographs of 3 to 6 classes, 60 or more of each, in one folder for each class. Choose classes of which you
#    can say beforehand whether near detail or the whole picture tells them apart: two kinds of leaves; indoors and outdoors;
#    a face that looks at you, or away.
# 2. **Predict**, in writing and before any training: which of `hierarchical`, `window` and `pooled` will be best, and by how
#    much?
# 3. **Train** each with two seeds or more, from new weights (weights that were trained with one mechanism would favour it), for
#    the same number of epochs (in the project's folder, with `.venv/bin/python` for `python`):
#
#    ```
#    for attention in hierarchical window pooled; do
#      for seed in 0 1; do
#        python train_small.py --data folder:PATH --image-size 64 --epochs 40 --seed $seed \
#          --attention $attention --out runs/mine-$attention-$seed
#      done
#    done
#    ```
#
# 4. **Measure**: accuracy on pictures that no model was trained on, with its interval of 95 % (notebook 7); the
#    multiply-adds (`hatnet.complexity.table`); one photograph that two of the models see differently, with its maps in the app.
# 5. **Test one map** with an intervention: cover what it shows, and a place of the same size elsewhere.
# 6. **Write one page** with one table and one figure.
#
# ### What it is judged by
#
# | | 0 points | 1 point | 2 points |
# |---|---|---|---|
# | **Question** | none, or "which is best" | classes chosen for near or far | and why the mechanism should matter for them |
# | **Prediction** | after the result | before it | before it, with a size, and what would refute it |
# | **Fairness** | something else differs, too | same data, epochs, seeds | and what equal epochs favour is said (a mechanism that costs less) |
# | **Numbers** | one run each | several seeds, every value shown | and intervals; no difference claimed that lies inside them |
# | **Leaks** | not looked at | near-identical photographs kept on one side | and said how: same place, same day, same burst |
# | **Maps** | shown as an explanation | described as what is read | and one of them tested by an intervention with a comparison |
# | **Limits** | none | number of pictures, size, training time | "did not learn" and "cannot" kept apart |
# | **The page** | cannot be repeated from it | commands and versions given | one page, and a reader would know what to do next |
#
# 12 of 16 points is good work. A result of "no difference that I can show" is worth as much as any other.
# <!-- not printed here: 95 % (the usual interval) -->
#
# # Where to read on
#
# | | |
# |---|---|
# | the paper of these notebooks | Liu and others, *Vision Transformers with Hierarchical Attention*, [`2106.03180`](https://arxiv.org/abs/2106.03180) |
# | where Eq. 2 comes from | Vaswani and others, *Attention Is All You Need*, [`1706.03762`](https://arxiv.org/abs/1706.03762) |
# | ViT; and how to train it on less | Dosovitskiy and others, [`2010.11929`](https://arxiv.org/abs/2010.11929); Touvron and others, DeiT, [`2012.12877`](https://arxiv.org/abs/2012.12877) |
# | windows, and windows that move | Liu and others, Swin, [`2103.14030`](https://arxiv.org/abs/2103.14030) |
# | reduced keys | Wang and others, PVT, [`2102.12122`](https://arxiv.org/abs/2102.12122), and PVT v2, [`2106.13797`](https://arxiv.org/abs/2106.13797) |
# | near and far in turn, another way | Chu and others, Twins, [`2104.13840`](https://arxiv.org/abs/2104.13840) |
# | convolutions with all that was learned since | Liu and others, ConvNeXt, [`2201.03545`](https://arxiv.org/abs/2201.03545) |
# | the block's MLP | Sandler and others, MobileNetV2, [`1801.04381`](https://arxiv.org/abs/1801.04381) |
# | GroupNorm | Wu and He, [`1803.08494`](https://arxiv.org/abs/1803.08494) |
# | the fused kernel | Dao and others, FlashAttention, [`2205.14135`](https://arxiv.org/abs/2205.14135) |
# | rollout | Abnar and Zuidema, [`2005.00928`](https://arxiv.org/abs/2005.00928) |
# | is attention explanation? | Jain and Wallace say no, [`1902.10186`](https://arxiv.org/abs/1902.10186); Wiegreffe and Pinter answer, [`1908.04626`](https://arxiv.org/abs/1908.04626) |
# | Integrated Gradients; Grad-CAM | Sundararajan and others, [`1703.01365`](https://arxiv.org/abs/1703.01365); Selvaraju and others, [`1610.02391`](https://arxiv.org/abs/1610.02391) |
# | maps that fail a simple test | Adebayo and others, *Sanity Checks for Saliency Maps*, [`1810.03292`](https://arxiv.org/abs/1810.03292) |
# | tokens where attention rests (notebook 1's corner) | Darcet and others, *Vision Transformers Need Registers*, [`2309.16588`](https://arxiv.org/abs/2309.16588) |
