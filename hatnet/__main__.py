"""`python -m hatnet`: Table 1 recomputed, next to the paper's numbers."""

from hatnet.complexity import count
from hatnet.model import create_model
from hatnet.paper import NAMES, classifier


def main() -> None:
    print("Table 1 recomputed at 224 x 224 (M = 10^6 parameters, G = 10^9 multiply-adds), beside the paper's Tables 1 and 2")
    counted = f"{'conv+linear':>11} {'+ norms':>9} {'paper':>7} | {'with QK^T, AV':>13}"
    print(f"{'':14} {'C':>17} {'blocks':>13} | {'#Param':>10} {'paper':>7} | {counted}")
    for name in NAMES:
        model, printed = create_model(name), classifier(name)
        macs, config = count(model, (224, 224)), model.config
        millions = sum(p.numel() for p in model.parameters()) / 1e6
        dims, depths = (", ".join(map(str, numbers)) for numbers in (config.dims, config.depths))
        print(
            f"{name:14} {dims:>17} {depths:>13} | {millions:8.3f} M {printed.parameters:5.1f} M"
            f" | {macs.conv_linear / 1e9:9.4f} G {macs.with_norms / 1e9:7.4f} G {printed.flops:5.1f} G | {macs.total / 1e9:11.4f} G"
        )
    print("The paper's #FLOPs are multiply-adds of convolutions and linear layers; with the norms, as mmcv counts them, all four round to")
    print("its figures. They leave out the attention products QK^T and AV, which would add 5 to 8 %.")


if __name__ == "__main__":
    main()
