"""Feed the readers of pictures and of checkpoints with damaged files, and see that each gives a result or one sentence.

    python .ci/fuzz.py --seconds 60                # both, half of the time each; needs .ci/fuzz.txt
    python .ci/fuzz.py pictures --seconds 600      # one of them

It begins with the files of tests/hostile.py and with small checkpoints, and changes those that reach new lines. A file that breaks a reader
is left in `crash-*`, and the exit status is 1. `python .ci/fuzz.py pictures crash-...` runs that file again.
"""

import argparse
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
TARGETS = ("pictures", "checkpoints")
MOST_BYTES = 100_000


def pictures(content: bytes) -> None:
    from hatnet.pictures import read_picture

    try:
        image, said = read_picture(content, "p")
        assert image.mode == "RGB" and isinstance(said, str)
    except ValueError as error:
        assert str(error).startswith("p "), error


def checkpoints(content: bytes) -> None:
    import hatnet

    path = Path(tempfile.gettempdir()) / "hatnet-fuzz.safetensors"
    path.write_bytes(content)
    try:
        hatnet.load_checkpoint(path)
    except ValueError as error:
        assert str(path) in str(error), error


def seeds(target: str, folder: Path) -> None:
    """Write the files to begin with."""
    if target == "pictures":
        from tests.hostile import uploads

        contents = [one.content for one in uploads() if len(one.content) < MOST_BYTES]
    else:
        import hatnet

        model = hatnet.create_model("hatnet_cards", 2, dims=(2,), head_dim=1, depths=(1,), expansions=(1,), stem_dim=1)
        info = hatnet.checkpoint_info("cards").header() | {"classes": ["a", "b"]}
        hatnet.save_checkpoint(model, folder / "small.safetensors", info)
        whole = (folder / "small.safetensors").read_bytes()
        contents = [whole, whole[:100], whole[: len(whole) // 2], whole.replace(b"F32", b"F16")]
    for number, content in enumerate(contents):
        (folder / f"{number:03}").write_bytes(content)


def fuzz(target: str, seconds: int, files: list[str]) -> None:
    """Run one target in this process; it ends the process."""
    import atheris

    warnings.simplefilter("ignore")  # Pillow warns of what it repairs
    with atheris.instrument_imports(
        include=["PIL", "hatnet.pictures", "hatnet.checkpoints", "hatnet.files", "hatnet.ranges", "hatnet.config"]
    ):
        import hatnet.checkpoints
        import hatnet.pictures  # noqa: F401
    folder = tempfile.mkdtemp(prefix="hatnet-fuzz-")
    if not files:
        seeds(target, Path(folder))
    options = [
        f"-max_total_time={seconds}",
        "-rss_limit_mb=3000",
        "-timeout=60",
        f"-max_len={MOST_BYTES}",
        "-verbosity=1",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, *(files or [folder])], {"pictures": pictures, "checkpoints": checkpoints}[target])
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description="Feed the readers with damaged files.")
    parser.add_argument("target", nargs="?", choices=TARGETS, help="one reader (both, one after the other)")
    parser.add_argument("files", nargs="*", help="run these files alone")
    parser.add_argument("--seconds", type=int, default=60, help="for all (60)")
    args = parser.parse_args()
    if args.target:
        fuzz(args.target, args.seconds, args.files)
    command = [sys.executable, __file__]
    return max(subprocess.call([*command, one, "--seconds", str(args.seconds // len(TARGETS))]) != 0 for one in TARGETS)


if __name__ == "__main__":
    sys.exit(main())
