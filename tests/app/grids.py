"""Accuracies measured at many grids, as benchmarks/grids.py writes them."""


def stored(**accuracies):
    """As benchmarks/grids.py writes it for two stages: G1 and G2 of stage 2 in the keys, like s4_2."""
    rows = [
        {"stage": 2, "g1": [int(key[1:].split("_")[0]), 4], "g2": [int(key.split("_")[1]), 2], "accuracy": value}
        for key, value in accuracies.items()
    ]
    other = {"stage": 3, "g1": [4, 8], "g2": [2, 2], "accuracy": 0.5}
    return {"images": 1000, "trained": {"g1": [4, 4], "g2": [2, 2]}, "rows": [*rows, other]}


FOUND = stored(s4_2=0.8, s8_2=0.7, s4_4=0.75, s16_2=0.66)
