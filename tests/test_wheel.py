"""The wheel: what it holds, and what it can do in an environment without this folder."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import hatnet

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = {f"cifar10-{mechanism}" for mechanism in ("hierarchical", "window", "pooled", "full")}
EXAMPLE = ROOT / "docs" / "examples" / "classify.py"


def run(*command: str | Path, **options) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built in a copy, so that nothing is left here and nothing that was left here gets into it."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "hatnet", source / "hatnet", ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", out, source)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def empty(wheel, tmp_path_factory) -> Path:
    """The Python of an environment in another folder with the wheel alone; torch and the like are borrowed from this environment.

    A stranger's checkpoint lies beside the package, where one of ours might be looked for.
    """
    folder = tmp_path_factory.mktemp("elsewhere") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / Path(sys.executable).relative_to(sys.prefix)
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    (site / "checkpoints").mkdir()
    shutil.copy(hatnet.checkpoints.SHIPPED / "cards.safetensors", site / "checkpoints" / "foreign.safetensors")
    return python


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if ".dist-info/" not in name}
        (metadata,) = (file.read(name).decode() for name in file.namelist() if name.endswith("/METADATA"))
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "hatnet").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert held == ours - {f"hatnet/shipped/{name}.safetensors" for name in ELSEWHERE}
    assert f"\nVersion: {hatnet.__version__}\n" in metadata and "# hatnet" in metadata and "https://arxiv.org/abs/2106.03180" in metadata
    assert wheel.stat().st_size < 20e6


def test_the_wheel_in_an_empty_environment(empty, tmp_path):
    code = "import hatnet; print(hatnet.__file__, hatnet.__version__, *hatnet.list_checkpoints())"
    place, version, *names = run(empty, "-c", code, cwd=tmp_path).split()
    assert Path(place).is_relative_to(empty.parent.parent) and version == hatnet.__version__
    assert names == [name for name in hatnet.list_checkpoints() if name not in ELSEWHERE]
    said = run(empty, EXAMPLE, ROOT / "app" / "samples" / "cat_chelsea.jpg", cwd=tmp_path)
    assert said.startswith("cat, 9"), said  # percent


def test_what_the_wheel_lacks_is_named_with_its_place(empty, tmp_path):
    code = """if True:
        import hatnet, sys
        for name in sys.argv[1:]:
            try: hatnet.load_checkpoint(name)
            except ValueError as error: print(error)"""
    asked = {
        "cifar10-window": "cifar10-window did not come with this installation: give the path of cifar10-window.safetensors; ",
        "cifra10": "unknown checkpoint 'cifra10' (did you mean 'cifar10'?); ",
        "foreign": "unknown checkpoint 'foreign'; ",
        "checkpoints/cifar10.safetensors": f"there is no checkpoint {Path('checkpoints/cifar10.safetensors')}; ",
    }
    ours = ", ".join(name for name in hatnet.list_checkpoints() if name not in ELSEWHERE)
    places = f"the shipped ones are {ours} (only in the project's repository, in hatnet/shipped: {', '.join(sorted(ELSEWHERE))})"
    said = run(empty, "-c", code, *asked, cwd=tmp_path).splitlines()
    for line, start in zip(said, asked.values(), strict=True):
        assert line.startswith(start + places)


@pytest.mark.slow
def test_the_wheel_with_all_it_needs(wheel, tmp_path):
    """An environment into which pip installs what the wheel asks for: gigabytes, where PyTorch brings CUDA."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / Path(sys.executable).relative_to(sys.prefix)
    run(python, "-m", "pip", "install", wheel)
    said = run(python, EXAMPLE, ROOT / "app" / "samples" / "cat_chelsea.jpg", cwd=tmp_path)
    assert said.startswith("cat, 9"), said


@pytest.mark.slow
def test_a_program_s_types_against_the_wheel(empty, tmp_path):
    """What mypy and pyright say in their strict modes of a program that uses the installed package."""
    program = shutil.copy(EXAMPLE, tmp_path)
    tools = Path(sys.executable).parent
    run(tools / "mypy", "--strict", "--cache-dir", tmp_path / "cache", "--python-executable", empty, program, cwd=tmp_path)
    (tmp_path / "pyrightconfig.json").write_text('{"include": ["."], "strict": ["."]}', encoding="utf-8")
    run(tools / "pyright", "--pythonpath", empty, cwd=tmp_path)
    with open(program, "a", encoding="utf-8") as file:
        file.write('\nnumber: int = hatnet.load_checkpoint("cifar10").stages[0].blocks[0].attn\n')
    for tool in (["mypy", "--cache-dir", tmp_path / "cache", "--python-executable", empty, program], ["pyright", "--pythonpath", empty]):
        said = subprocess.run([tools / tool[0], *tool[1:]], cwd=tmp_path, capture_output=True, text=True).stdout
        assert "HMHSA | MHSA" in said and "1 error" in said, said
