"""The linker against small modules: order, and each mistake by its name."""

import pytest

from app.components.linker import link


@pytest.fixture
def linked(tmp_path):
    """linked({"main.js": text, "shared/other.js": text}) -> the linked text."""

    def run(modules, generated=None):
        for name, text in modules.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return link(tmp_path / "main.js", generated)

    return run


MAIN = """import { a } from "./a.js";
import {
  b,
  B,
} from "./shared/b.js";

export default function mount() {
  return a + b() + B;
}
"""
A = 'import { b } from "./shared/b.js";\n\nexport const a = b();\n'
B = "export function b() {\n  return one;\n}\nexport class B {}\nconst one = 1;\n"


def test_a_module_comes_once_and_after_what_it_imports(linked):
    text = linked({"main.js": MAIN, "a.js": A, "shared/b.js": B})
    starts = [text.index(line) for line in ("// b.js", "function b()", "class B {}", "// a.js", "const a = b();", "// main.js")]
    assert starts == sorted(starts) and text.count("function b()") == 1
    assert "import" not in text and [line for line in text.splitlines() if "export" in line] == ["export default function mount() {"]


def test_a_path_is_relative_to_the_module_that_says_it(linked):
    modules = {
        "main.js": 'import { b } from "./shared/b.js";\nb();\n',
        "shared/b.js": 'import { c } from "../c.js";\nexport const b = c;\n',
        "c.js": "export async function c() {}\n",
    }
    assert linked(modules).startswith("// c.js\nasync function c() {}\n")


def test_a_generated_module_needs_no_file(linked):
    text = linked({"main.js": 'import { P } from "./palette.js";\nuse(P);\n'}, {"palette.js": "export const P = 1;\n"})
    assert text == "// palette.js\nconst P = 1;\n\n// main.js\nuse(P);\n"


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"main.js": MAIN, "a.js": A, "shared/b.js": B + "const a = 2;\n"}, r"b\.js and a\.js both declare 'a'"),
        ({"main.js": 'import { a } from "./a.js";\n', "a.js": 'import { a } from "./a.js";\n'}, r"circle: a\.js -> a\.js"),
        (
            {
                "main.js": 'import { a } from "./a.js";\n',
                "a.js": 'import { b } from "./b.js";\n',
                "b.js": 'import { a } from "./a.js";\n',
            },
            r"circle: a\.js -> b\.js -> a\.js",
        ),
        ({"main.js": MAIN, "a.js": A}, r"a\.js imports b\.js, and there is no"),
        (
            {"main.js": MAIN, "a.js": A, "shared/b.js": B.replace("class B", "class C")},
            r"main\.js imports 'B' from b\.js, which exports C, b",
        ),
        ({"main.js": 'import { a } from "./a.js";\n', "a.js": "const a = 1;\n"}, r"'a' from a\.js, which exports nothing"),
        (
            {"main.js": 'import { a } from "./a.js";\n', "a.js": "export const a = 1;\nexport default function f() {}\n"},
            r"a\.js has a default",
        ),
        ({"main.js": 'import * as a from "./a.js";\n', "a.js": "export const a = 1;\n"}, r"does not know 'import \* as a"),
        ({"main.js": 'import { a as b } from "./a.js";\n', "a.js": "export const a = 1;\n"}, r"imports 'a as b'"),
        ({"main.js": "const a = 1;\nexport { a };\n"}, r"does not know 'export \{ a \};'"),
        ({"main.js": "const { a } = window;\n"}, r"main\.js takes a top-level declaration apart"),
    ],
)
def test_a_mistake_is_named(linked, modules, message):
    with pytest.raises(ValueError, match=message):
        linked(modules)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no .*main\.js"):
        link(tmp_path / "main.js")
