# %% [markdown]
# # 2. Local attention
#
# Header.

# %%
from einops import rearrange

from tutorials import checks

# %%
def partition(x, g):
    """Cut a map [b, c, h, w] into windows of g x g neighbours: [(b gh gw), (i j), c]."""
    # TODO Eq. 6: cut the map into windows of g x g neighbours,
    # [b, c, h, w] -> [(b gh gw), (i j), c].
    # solution
    return rearrange(x, "b c (gh i) (gw j) -> (b gh gw) (i j) c", i=g, j=g)
    # end


# %%
checks.partition(partition)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Order.
#
# </details>
