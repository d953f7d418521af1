"""The order of the house, read from its source: who may import whom, no circles, a visitor's state in one place, every page in main.py.

Each rule takes the folder of a project and gives one line for each place that breaks it. All imports count: those inside functions and
those under TYPE_CHECKING, too.
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("app", "hatnet", "benchmarks", "tutorials", "tools")
ROOMS = ("views", "ui", "shell", "components", "core")  # of app; each may import itself and those after it
BANNED = {
    "app": {"tutorials", "benchmarks", "tests", "tools"},
    "hatnet": {"app", "tutorials", "benchmarks", "tests", "tools", "streamlit", "plotly"},
    "benchmarks": {"tests"},
    "tutorials": {"tests"},
    "tools": {"app", "hatnet", "tutorials", "benchmarks", "tests"},
}
# Light enough for the notebooks and for a page without a model: they need neither of these, even through others.
LIGHT = {"app.core.overlay": {"streamlit", "torch"}, "app.views.explorer.packing": {"streamlit", "torch"}}
CHANGES = {"append", "add", "update", "pop", "popitem", "clear", "extend", "insert", "remove", "discard", "setdefault", "sort", "reverse"}


@functools.cache
def modules(root: Path) -> dict[str, ast.Module]:
    """Name -> syntax tree of every module of the project."""
    found = {}
    for path in sorted(path for top in TOP for path in (root / top).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports(name: str, tree: ast.AST, known: dict[str, ast.Module]) -> Iterator[str]:
    """The modules that a module imports: of the project as far as they are its own, of others by their full names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = name.split(".")[: -node.level] if node.level else []
            base = ".".join([*package, *(node.module or "").split(".")]).strip(".")
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base


@functools.cache
def graph(root: Path) -> dict[str, set[str]]:
    known = modules(root)
    return {name: set(imports(name, tree, known)) for name, tree in known.items()}


def room(module: str) -> int | None:
    """Where a module stands in ROOMS; None outside of them."""
    parts = module.split(".")
    return ROOMS.index(parts[1]) if parts[0] == "app" and len(parts) > 1 and parts[1] in ROOMS else None


def upward_imports(root: Path) -> list[str]:
    return [
        f"{name} imports {other}"
        for name, others in graph(root).items()
        for other in others
        if None not in (room(name), room(other)) and room(other) < room(name)
    ]


def page_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[2] if parts[:2] == ["app", "views"] and len(parts) > 2 else None


def imports_between_pages(root: Path) -> list[str]:
    return [
        f"{name} imports {other}"
        for name, others in graph(root).items()
        for other in others
        if page_of(name) and page_of(other) and page_of(name) != page_of(other)
    ]


def banned_imports(root: Path) -> list[str]:
    return [
        f"{name} imports {other}"
        for name, others in graph(root).items()
        for other in others
        if other.split(".")[0] in BANNED[name.split(".")[0]]
    ]


def imports_of_commands(root: Path) -> list[str]:
    """`hatnet.commands` is what train_small.py does; no other code needs it."""
    inside = ("hatnet", "commands")
    return [
        f"{name} imports {other}"
        for name, others in graph(root).items()
        for other in others
        if tuple(other.split(".")[:2]) == inside != tuple(name.split(".")[:2])
    ]


def reached(start: str, edges: dict[str, set[str]]) -> set[str]:
    """All that a module imports, itself or through others."""
    found, ahead = set(), [start]
    while ahead:
        for other in edges.get(ahead.pop(), set()) - found:
            found.add(other)
            ahead.append(other)
    return found


def circles(root: Path) -> list[str]:
    edges = graph(root)
    return [f"{name} imports itself, through others" for name in edges if name in reached(name, edges)]


def heavy_imports(root: Path) -> list[str]:
    edges = graph(root)
    return [
        f"{name} reaches {other}"
        for name, banned in LIGHT.items()
        for other in sorted(reached(name, edges))
        if other.split(".")[0] in banned
    ]


def session_keys(root: Path) -> list[str]:
    """core does not touch st.session_state. Outside of shell/session.py, a key there is that of a widget or component made in the
    same file: what some call there gets as `key=`, written in the same way."""
    found = []
    for name, tree in modules(root).items():
        if not name.startswith("app.") or name == "app.shell.session":
            continue
        made = {
            ast.dump(word.value) for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords if word.arg == "key"
        }
        uses = {node: parent for parent in ast.walk(tree) for node in ast.iter_child_nodes(parent)}
        for node, parent in uses.items():
            if "session_state" not in (getattr(node, "attr", None), getattr(node, "id", None)):
                continue
            if isinstance(parent, ast.Subscript):
                key = parent.slice
            elif isinstance(parent, ast.Attribute) and isinstance(uses[parent], ast.Call) and uses[parent].func is parent:
                key = uses[parent].args[0] if uses[parent].args else None
            else:
                key = ast.Constant(parent.attr) if isinstance(parent, ast.Attribute) else None
            if room(name) == ROOMS.index("core") or key is None or ast.dump(key) not in made:
                found.append(f"{name}:{node.lineno}: {ast.unparse(uses[parent] if isinstance(parent, ast.Attribute) else parent)}")
    return found


def is_collection(value: ast.AST | None) -> bool:
    made = isinstance(value, ast.Call) and ast.unparse(value.func).split(".")[-1]
    literals = ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp
    return isinstance(value, literals) or made in ("dict", "list", "set", "defaultdict", "deque", "OrderedDict", "Counter")


def changed_globals(root: Path) -> list[str]:
    """Names of app's modules that a function rebinds (`global`), and their dicts, lists and sets that change after they are built."""
    known = {name: tree for name, tree in modules(root).items() if name.split(".")[0] == "app"}
    collections = {
        f"{name}.{target.id}"
        for name, tree in known.items()
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_collection(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    found = []
    for name, tree in known.items():
        # What a word of this module means elsewhere.
        words = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        building = {node for statement in tree.body for node in (statement, getattr(statement, "value", None))}
        for node in ast.walk(tree):
            touched = []
            if isinstance(node, ast.Global):
                found += [f"{name}:{node.lineno}: global {', '.join(node.names)}"]
            elif isinstance(node, ast.Assign | ast.Delete):
                touched = [target.value for target in node.targets if isinstance(target, ast.Subscript)]
            elif isinstance(node, ast.AugAssign):
                touched = [node.target.value if isinstance(node.target, ast.Subscript) else node.target]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
                touched = [node.func.value]
            for place in map(ast.unparse, touched):
                first, *rest = place.split(".")
                meant = {".".join([words.get(first, first), *rest])} | (set() if node in building else {f"{name}.{place}"})
                if meant & collections:
                    found.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
    return found


def missing_pages(root: Path) -> list[str]:
    """main.py reads as the table of contents: it names the page of every folder in views/, literally."""
    named = re.findall(r'st\.Page\("views/(\w+)/page\.py"', (root / "app" / "main.py").read_text(encoding="utf-8"))
    folders = {path.parent.name for path in (root / "app" / "views").glob("*/*.*")}
    return [f"views/{page}: {named.count(page)} times in main.py" for page in sorted(folders | set(named)) if named.count(page) != 1]


RULES = [
    upward_imports,
    imports_between_pages,
    banned_imports,
    imports_of_commands,
    circles,
    heavy_imports,
    session_keys,
    changed_globals,
    missing_pages,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_is_in_order(rule):
    assert rule(ROOT) == []


@pytest.mark.parametrize(
    ("rule", "files", "said"),
    [
        (upward_imports, {"app/core/a.py": "from app.shell import b", "app/shell/b.py": ""}, "app.core.a imports app.shell.b"),
        (
            upward_imports,
            {"app/ui/a.py": "def f():\n    import app.views.x.page", "app/views/x/page.py": ""},
            "app.ui.a imports app.views.x.page",
        ),
        (upward_imports, {"app/components/a.py": "from ..ui import b", "app/ui/b.py": ""}, "app.components.a imports app.ui.b"),
        (
            imports_between_pages,
            {"app/views/x/a.py": "from app.views.y.b import c", "app/views/y/b.py": ""},
            "app.views.x.a imports app.views.y.b",
        ),
        (banned_imports, {"app/main.py": "from tutorials import x"}, "app.main imports tutorials"),
        (banned_imports, {"hatnet/a.py": "import app.core.view"}, "hatnet.a imports app.core.view"),
        (banned_imports, {"hatnet/a.py": "def f():\n    import streamlit"}, "hatnet.a imports streamlit"),
        (banned_imports, {"benchmarks/a.py": "from tests.browser import b"}, "benchmarks.a imports tests.browser"),
        (
            imports_of_commands,
            {"hatnet/a.py": "def f():\n    from hatnet.commands import b", "hatnet/commands/b.py": ""},
            "hatnet.a imports hatnet.commands.b",
        ),
        (imports_of_commands, {"app/main.py": "import hatnet.commands.b"}, "app.main imports hatnet.commands.b"),
        (
            circles,
            {
                "app/core/a.py": "if TYPE_CHECKING:\n    from app.core.b import T",
                "app/core/b.py": "from app.core import c",
                "app/core/c.py": "from app.core.a import f",
            },
            "app.core.b imports itself, through others",
        ),
        (circles, {"app/core/a.py": "from . import b", "app/core/b.py": "from .a import c"}, "app.core.a imports itself, through others"),
        (
            heavy_imports,
            {"app/core/overlay.py": "from app.core import a", "app/core/a.py": "import torch.nn"},
            "app.core.overlay reaches torch.nn",
        ),
        (session_keys, {"app/core/a.py": 'st.slider(key="k")\nst.session_state["k"]'}, "app.core.a:2: st.session_state['k']"),
        (session_keys, {"app/ui/a.py": 'st.session_state["wanted"] = 1'}, "app.ui.a:1: st.session_state['wanted']"),
        (session_keys, {"app/ui/a.py": "st.session_state.update(wanted=1)"}, "app.ui.a:1: st.session_state.update(wanted=1)"),
        (session_keys, {"app/ui/a.py": 'st.session_state.get("stopped")'}, "app.ui.a:1: st.session_state.get('stopped')"),
        (session_keys, {"app/ui/a.py": "def f():\n    return st.session_state"}, "app.ui.a:2: return st.session_state"),
        (changed_globals, {"app/core/a.py": "A = {}\ndef f():\n    A[1] = 2"}, "app.core.a:3: A[1] = 2"),
        (changed_globals, {"app/core/a.py": "A: list[int] = []\ndef f():\n    A.append(1)"}, "app.core.a:3: A.append(1)"),
        (changed_globals, {"app/core/a.py": "A = set()\n", "app/ui/b.py": "from app.core import a\na.A.add(1)"}, "app.ui.b:2: a.A.add(1)"),
        (changed_globals, {"app/core/a.py": "A = None\ndef f():\n    global A\n    A = 1"}, "app.core.a:3: global A"),
        (missing_pages, {"app/views/x/page.py": "", "app/main.py": "st.Page(path)"}, "views/x: 0 times in main.py"),
    ],
)
def test_each_rule_can_be_broken(tmp_path, rule, files, said):
    for name, source in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    assert said in rule(tmp_path)


def test_what_is_allowed_is_not_reported(tmp_path):
    files = {
        "app/main.py": 'st.Page("views/x/page.py", title="X")',
        "app/views/x/page.py": "from app.ui import a\nfrom app.views.x import text\nimport streamlit",
        "app/views/x/text.py": "A = {}\nA |= {1: 2}\nA.update({3: 4})\ndef f():\n    b = {}\n    b[1] = A",
        "app/ui/a.py": 'from app.core import b\nst.slider("A", key="size")\nst.session_state.size\nst.session_state["size"]',
        "app/core/b.py": "import hatnet.c",
        "hatnet/c.py": "import torch",
        "hatnet/commands/f.py": "from hatnet.commands import g\nfrom hatnet import c",
        "hatnet/commands/g.py": "import hatnet.c",
        "benchmarks/d.py": "from tools import e\nimport hatnet",
        "tools/e.py": "import os",
    }
    for name, source in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    assert [rule(tmp_path) for rule in RULES] == [[]] * len(RULES)
