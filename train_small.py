"""Train a compact HAT-Net, or evaluate a checkpoint.

python train_small.py                                        cards, drawn as it goes: nothing to download, about a minute
python train_small.py --data cifar10 --minutes 60
python train_small.py --data folder:PATH --image-size 112 --init runs/cifar10/best.safetensors
python train_small.py --task detect                          boxes and masks of drawn shapes: nothing to download
python train_small.py --task segment --data folder:PATH --init objects224
python train_small.py --resume runs/cifar10                  continue after Ctrl-C or a crash
python train_small.py eval runs/cards/best.safetensors --data cards
torchrun --nproc-per-node 4 train_small.py --data cifar10    one process for each GPU, or for a share of the cores
"""

import io
import os
import sys
import warnings

# Each step makes and drops the same large tensors. By default glibc returns them to the system every time, and fetching
# them again takes a fifth of the step; these must be set before Python starts.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**33), "MALLOC_TOP_PAD_": str(2**28)}


def main(argv: list[str]) -> None:
    """Run a command line. It exits with one sentence for what a user can put right. Imports come late: --help needs the options alone."""
    warnings.formatwarning = lambda message, *_, **__: f"train_small.py: {message}\n"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show loses no result
    try:
        from hatnet.commands.arguments import evaluation_parser, parsed

        if argv[:1] == ["eval"]:
            args = evaluation_parser().parse_args(argv[1:])
            from hatnet.checkpoints import task_of
            from hatnet.commands.tasks import command_for

            command_for(task_of(args.checkpoint)).evaluate(args)
        else:
            args, given = parsed(argv, __doc__)
            from hatnet.commands.train import train

            train(args, given, argv)
    except (ValueError, OSError) as error:  # OSError: a place that cannot be read or written; it names the path
        sys.exit(f"train_small.py: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")


if __name__ == "__main__":
    if sys.platform == "linux" and not MALLOC.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | MALLOC)
    main(sys.argv[1:])
