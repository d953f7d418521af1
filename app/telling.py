"""The layer that Start and the tour tell of: the selected block's own numbers, for the selected token."""

import hatnet
from app import services, state
from app.figures import maps
from app.figures.story import Layer, one_step
from hatnet.rollout import two_hop


def layer(view: state.State, known: services.Checkpoint, picture: services.Picture) -> Layer:
    """What the story is told of; the stage has to be a hierarchical one."""
    side, (g1, cell) = known.grid(view.stage), view.grids(known)
    grid, token = (side, side), hatnet.token_at(view.place, (side, side))
    window = hatnet.window_of(token, grid, g1)
    seen = services.attention(picture, known, view.g1, view.g2, view.place)
    near, far = (seen.weights(view.stage, view.block, kind, view.head, view.place) for kind in ("local", "global"))
    records = [seen.maps[view.stage, view.block, kind] for kind in ("local", "global")]
    exact = all(record.weights is not None for record in records)
    if exact:
        hops = two_hop(*records, tokens=[token])[0].numpy()
    else:
        hops = one_step(maps.in_window(near, window, grid), maps.over_tokens(far, cell, grid))
    heads = known.heads(view.stage)
    return Layer(
        title=picture.title,
        stage=view.stage,
        block=view.block,
        pixels=known.image_size,
        channels=known.config.dims[known.config.stages.index(view.stage)],
        side=side,
        token=token,
        window=window,
        g1=g1,
        cell=cell,
        near=near,
        far=far,
        hops=hops,
        heads="of the only head" if heads == 1 else f"of head {view.head}" if view.head else f"the mean of {heads} heads",
        exact=exact,
    )
