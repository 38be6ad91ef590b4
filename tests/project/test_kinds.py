"""Learning, practice and exam: shares, minimums, and that nothing ever moves."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from resnext_gui.project import NewPhoto, Project
from resnext_gui.project.kinds import deal, targets


def photos(label: str, start: int, count: int) -> list[NewPhoto]:
    return [NewPhoto(f"/{label}/{n}.jpg", 1, 1, f"{label}-{n}", 1, 1, label) for n in range(start, start + count)]


def kinds_of(project: Project) -> dict[str, str | None]:
    return {p.hash: p.kind for p in project.photos(project.photo_ids())}


def test_shares():
    assert [targets(n) for n in (1, 2, 4, 5, 7, 10, 50, 100)] == [
        (0, 0), (1, 0), (1, 0), (1, 1), (1, 1), (2, 2), (8, 8), (15, 15),
    ]  # fmt: skip


@given(st.lists(st.text("abcdef0123456789", min_size=4, max_size=8), unique=True, max_size=60), st.randoms())
def test_the_order_of_photographs_does_not_matter(hashes: list[str], random):
    mixed = list(hashes)
    random.shuffle(mixed)
    assert deal((0, 0, 0), hashes) == deal((0, 0, 0), mixed)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(1, 12), min_size=1), min_size=1, max_size=5))
def test_photographs_added_later_move_no_other(portions: list[dict[str, int]]):
    with tempfile.TemporaryDirectory() as folder, Project.create(Path(folder) / "p") as project:
        have: Counter[str] = Counter()
        known: dict[str, str | None] = {}
        for portion in portions:
            for label, count in portion.items():
                project.add_photos(photos(label, have[label], count))
                have[label] += count
            project.assign_kinds()
            now = kinds_of(project)
            assert all(now[digest] == kind for digest, kind in known.items())
            assert None not in now.values()
            known = now
        for label, count in have.items():
            kinds = Counter(kind for digest, kind in known.items() if digest.startswith(label))
            if count >= 5:
                assert kinds["exam"] >= 1
                assert kinds["practice"] >= 1
            elif count >= 2:
                assert (kinds["exam"], kinds["practice"]) == (0, 1)
            else:
                assert kinds["learning"] == 1


def test_fifty_each_in_one_go(tmp_path: Path):
    with Project.create(tmp_path / "p") as project:
        for label in ("a", "b", "c"):
            project.add_photos(photos(label, 0, 50))
        project.assign_kinds()
        assert Counter(item.kind for item in project.items()) == {"learning": 102, "practice": 24, "exam": 24}
        seen = project.data_version()
        project.assign_kinds()
        assert project.data_version() == seen
        assert [item.kind for item in project.items("exam")] == ["exam"] * 24


def test_a_kind_follows_the_content_through_every_change(tmp_path: Path):
    with Project.create(tmp_path / "p") as project:
        project.add_photos(photos("a", 0, 20) + photos("b", 0, 20))
        project.assign_kinds()
        before = kinds_of(project)
        a, b = (label.id for label in project.labels())
        project.move(project.photo_ids(a)[:7], b)
        project.rename_label(a, "z")
        project.remove_photos(project.photo_ids(b)[:3])
        project.add_photos([NewPhoto("/copy.jpg", 1, 1, "a-3", 1, 1, "z")])  # a copy of a known one
        project.add_photos([NewPhoto("/moved/1.jpg", 1, 1, "b-1", 1, 1, "b")])
        project.assign_kinds()
        after = kinds_of(project)
        assert all(after[digest] == kind for digest, kind in before.items() if digest in after)


def test_an_import_by_the_wrong_rule_is_dealt_anew_until_there_is_a_run(tmp_path: Path):
    with Project.create(tmp_path / "p") as project:
        wrong = photos("camera", 0, 40)
        project.add_photos(wrong)
        project.assign_kinds()
        first = kinds_of(project)
        project.undo()
        project.redo()
        project.assign_kinds()
        assert kinds_of(project) == first
        project.undo()
        right = [NewPhoto(p.path, 1, 1, p.hash, 1, 1, f"label {n % 8}") for n, p in enumerate(wrong)]
        project.add_photos(right)
        project.assign_kinds()
        for label in project.labels():
            kinds = Counter(p.kind for p in project.photos(project.photo_ids(label.id)))
            assert kinds == {"learning": 3, "practice": 1, "exam": 1}
        second = kinds_of(project)
        project.new_run({})
        project.undo()
        project.add_photos(wrong)
        project.assign_kinds()
        assert kinds_of(project) == second


def test_unlabelled_and_unreadable_photographs_wait(tmp_path: Path):
    with Project.create(tmp_path / "p") as project:
        project.add_photos([NewPhoto("/a.jpg", 1, 1, "a", 1, 1), NewPhoto("/b.jpg", 1, 1, "", 1, 1, "x", "unreadable")])
        project.assign_kinds()
        assert project.items() == []
        assert project.photo_at("/a.jpg").kind is None


def test_items_come_in_an_order_that_follows_from_their_contents(tmp_path: Path):
    orders = []
    for name, turned in (("one", False), ("two", True)):
        with Project.create(tmp_path / name) as project:
            both = photos("a", 0, 9) + photos("b", 0, 9)
            project.add_photos(both[::-1] if turned else both)
            orders.append([(item.hash, item.label) for item in project.items()])
    assert orders[0] == orders[1]
