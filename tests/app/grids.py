"""Accuracies measured at many grids, as benchmarks/grids.py writes them."""


def stored(**accuracies):
    """As benchmarks/grids.py writes it for two stages: G1 and G2 of stage 2 in the keys, like s4_2."""
    rows = [
        {"stage": 2, "g1": [g1, 4], "g2": [g2, 2], "accuracy": value, "macs": 10_000_000 + 1000 * (g1 - g2)}
        for (g1, g2), value in ((tuple(map(int, key[1:].split("_"))), value) for key, value in accuracies.items())
    ]
    for row in rows:
        if (row["g1"], row["g2"]) == ([4, 4], [2, 2]):
            row["stage"] = None  # as trained
    other = {"stage": 3, "g1": [4, 8], "g2": [2, 2], "accuracy": 0.5, "macs": 12_000_000}
    return {"images": 1000, "data": "cifar10", "trained": {"g1": [4, 4], "g2": [2, 2]}, "rows": [*rows, other]}


FOUND = stored(s4_2=0.8, s8_2=0.7, s4_4=0.75, s16_2=0.66)
