"""Link ES modules into one: Streamlit gives inline JavaScript a Blob URL, from where `import "./other.js"` leads nowhere.

The rules are few. A module imports by name and by relative path (`import { frame, label } from "../../components/js/canvas.js";`)
and exports where it declares (`export function frame() {}`); a top-level name exists once in all the modules that are linked. The
first module alone has a default export.
"""

import re
from collections.abc import Mapping
from pathlib import Path

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";\n', re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.M)
_DECLARED = re.compile(r"^(export )?(?:default )?(?:async )?(?:function\*?|class|const|let|var) +([\w$]+|[{[])", re.M)
_OTHER = re.compile(r"^(?:import|export)\b(?! default function).*", re.M)  # what is left when all that is understood has gone


def link(entry: Path, generated: Mapping[str, str] | None = None) -> str:
    """The text of one module: `entry` after everything that it imports, in the order in which they need one another.

    generated: file name -> text, for modules that are not on disk. Raises ValueError for a module or a name that is not there, for
    modules that import one another in a circle, for two top-level names that collide, and for syntax outside the rules above.
    """
    generated = generated or {}
    linked: dict[Path, str] = {}  # in the order of their text
    exports: dict[Path, set[str]] = {}
    owners: dict[str, str] = {}  # top-level name -> the file that declares it

    def add(path: Path, trail: tuple[Path, ...]) -> None:
        if path in trail:
            raise ValueError(f"modules in a circle: {' -> '.join(step.name for step in (*trail[trail.index(path) :], path))}")
        if path in linked:
            return
        text = _text(path, generated, trail)
        for names, where in _IMPORT.findall(text):
            other = (path.parent / where).resolve()
            add(other, (*trail, path))
            for name in (part.strip() for part in names.split(",") if part.strip()):
                if name not in exports[other]:
                    offer = ", ".join(sorted(exports[other])) or "nothing"
                    raise ValueError(f"{path.name} imports {name!r} from {other.name}, which exports {offer}")
        exports[path] = set()
        for exported, name in _DECLARED.findall(text):
            if name in "{[":
                raise ValueError(f"{path.name} takes a top-level declaration apart ({name}...): write one name a declaration")
            if name in owners:
                raise ValueError(f"{owners[name]} and {path.name} both declare {name!r} at top level: rename one")
            owners[name] = path.name
            if exported:
                exports[path].add(name)
        body = _EXPORT.sub("", _IMPORT.sub("", text))
        if left := _OTHER.search(body):
            raise ValueError(f"{path.name}: the linker does not know {left[0]!r}")
        if trail and "\nexport default" in f"\n{body}":
            raise ValueError(f"{path.name} has a default export, which only the first module may have")
        linked[path] = f"// {path.name}\n{body.strip()}\n"

    add(entry.resolve(), ())
    return "\n".join(linked.values())


def _text(path: Path, generated: Mapping[str, str], trail: tuple[Path, ...]) -> str:
    if path.name in generated:
        return generated[path.name]
    if not path.is_file():
        raise ValueError(f"{trail[-1].name if trail else 'nothing'} imports {path.name}, and there is no {path}")
    return path.read_text(encoding="utf-8")
