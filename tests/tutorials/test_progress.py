"""The line below a long cell."""

from tutorials.machinery import progress as module
from tutorials.machinery.progress import progress


def test_a_line_says_how_far_it_is_and_how_long_the_rest_will_take(monkeypatch):
    lines, clock = [], iter([0.0, 2.0, 2.2, 6.0, 8.0])  # the third item is done too soon for a line of its own

    class Handle:
        def update(self, bundle, raw):
            lines.append(bundle["text/plain"])

    monkeypatch.setattr(module, "display", lambda bundle, **options: lines.append(bundle["text/plain"]) or Handle())
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    assert list(progress(iter("abcd"), "letters", 4)) == list("abcd")
    assert lines == ["0 of 4 letters", "1 of 4 letters, 2 s, about 6 s left", "3 of 4 letters, 6 s, about 2 s left", "4 of 4 letters"]


def test_a_list_knows_its_own_length(monkeypatch):
    lines = []
    monkeypatch.setattr(module, "display", lambda bundle, **options: lines.append(bundle["text/plain"]))
    assert next(progress([1, 2, 3], "photographs")) == 1 and lines == ["0 of 3 photographs"]
