from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from resnext_gui.messages import Evaluate, Failed, Finished, Thumbnails
from resnext_gui.project import NewPhoto
from resnext_gui.ui.results.page import ResultsPage, summary
from resnext_gui.ui.session.state import Change
from tests.ui.fake_session import FakeSession
from tests.ui.photos_help import draw


def evaluation(tmp_path: Path, right: int = 46, total: int = 50, **more: Any) -> dict[str, Any]:
    """Rows of two labels, the first of which holds all the mistakes."""
    wrong, half = total - right, total // 2
    items = []
    for number in range(total):
        truth = "daisy" if number < half else "rose"
        answer = "rose" if number < wrong else truth
        path = draw(tmp_path / "pictures" / f"{number}.png", number)
        items.append(
            {"photo_id": number, "path": str(path), "truth": truth, "answer": answer, "probability": 0.4 + number / 100}
        )
    return {
        "model": "quick",
        "kind": "exam",
        "right": right,
        "total": total,
        "labels": ["daisy", "rose"],
        "confusion": [[half - wrong, wrong], [0, total - half]],
        "items": items,
        "per_label": [
            {"label": "daisy", "right": half - wrong, "total": half},
            {"label": "rose", "right": total - half, "total": total - half},
        ],
        "baseline": {"label": "rose", "right": 10},
        "uses": 1,
        **more,
    }


def texts(evaluated: dict[str, Any]) -> str:
    return " ".join(text for text, _ in summary(evaluated))


@pytest.fixture
def session(qapp, project, tmp_path: Path) -> FakeSession:
    photos = [
        NewPhoto(str(tmp_path / f"{label}{i}.jpg"), 1, 1, f"{label}{i}", 9, 9, label)
        for label in ("daisy", "rose")
        for i in range(8)
    ]
    project.add_photos(photos)
    project.assign_kinds()
    return FakeSession(project)


@pytest.fixture
def make_page(qtbot, dressed, session):
    def make(found: dict[str, Any] | None = None) -> ResultsPage:
        page = ResultsPage(session)
        qtbot.addWidget(page)
        page.resize(1208, 720)
        page.show()
        if found is not None:
            session.evaluation_ready.emit(found)
        return page

    return make


def headline(page: ResultsPage) -> str:
    return " ".join(label.text() for label in page._lines if not label.isHidden())


# ---- the sentences


def test_a_good_exam(tmp_path: Path, qapp) -> None:
    said = texts(evaluation(tmp_path))
    assert said == "46 of 50 right in the exam. For new photographs taken the same way expect 81 to 98 in 100."


def test_few_photographs(tmp_path: Path, qapp) -> None:
    said = texts(evaluation(tmp_path, 6, 6, baseline={"label": "rose", "right": 2}))
    assert said == "6 of 6: too few to tell, anything from 54 to 100 in 100."


def test_guessing_the_commonest_is_told_when_it_matters(tmp_path: Path, qapp) -> None:
    said = texts(evaluation(tmp_path, 960, 1000, baseline={"label": "good", "right": 940}, items=[]))
    assert "Always answering “good” would get 940 of 1,000." in said


def test_uses_are_told_from_the_second_on(tmp_path: Path, qapp) -> None:
    assert "used" not in texts(evaluation(tmp_path))
    assert "used 3 times; now slightly flattering" in texts(evaluation(tmp_path, uses=3))


def test_photographs_that_changed_since_are_told(tmp_path: Path, qapp) -> None:
    assert "3 photographs changed since, and are left out." in texts(evaluation(tmp_path, left_out=3))


def test_practice_says_why(tmp_path: Path, qapp) -> None:
    said = texts(evaluation(tmp_path, kind="practice"))
    assert "46 of 50 right in practice" in said and "too few photographs for an exam" in said


# ---- the page


def test_without_a_model_it_leads_to_the_photographs(qtbot, make_page, session) -> None:
    page = make_page()
    with qtbot.waitSignal(session.navigate) as asked:
        page._score.click()
    assert asked.args == ["photos"]


def test_the_exam_is_explained_and_scored_on_purpose(qtbot, make_page, session, tmp_path: Path) -> None:
    session.project.set_current_model("quick", "made")
    page = make_page()
    assert "kept aside" in page._before_text.text()
    assert session.asked(Evaluate) == []
    with qtbot.waitActive(page):
        page.activateWindow()
    page._score.setFocus()
    page._score.click()
    assert [(asked.model, asked.kind) for asked in session.asked(Evaluate)] == [("quick", "exam")]
    assert not page._score.isEnabled() and page.hasFocus()
    session.assistant.say(Finished("", evaluation(tmp_path)))
    assert headline(page).startswith("46 of 50 right in the exam.")
    assert page._tiles.hasFocus()  # the arrow keys go through the mistakes


def test_too_few_photographs_for_an_exam(make_page, session) -> None:
    session.project.set_current_model("quick", "made")
    session.project.items = lambda kind=None: []
    page = make_page()
    assert "too few" in page._before_text.text()
    page._score.click()
    assert [(asked.model, asked.kind) for asked in session.asked(Evaluate)] == [("quick", "practice")]


def test_what_was_scored_before_is_shown_at_once(make_page, session, tmp_path: Path, monkeypatch) -> None:
    session.project.set_current_model("quick", "made")
    found = evaluation(tmp_path)
    monkeypatch.setattr(session.answers, "stored_evaluation", lambda _model, kind: found if kind == "exam" else None)
    page = make_page()
    assert headline(page).startswith("46 of 50")
    assert session.asked(Evaluate) == []


def test_failure_is_told_in_place(make_page, session) -> None:
    session.project.set_current_model("quick", "made")
    page = make_page()
    page._score.click()
    session.assistant.say(Failed("", "x:plain", {"message": "The disk is full.", "hint": "Free some space."}))
    assert page._before_note.text() == "The disk is full. Free some space."
    assert page._score.isEnabled()


def test_mistakes_most_confident_first_then_any_cell(qtbot, make_page, session, tmp_path: Path) -> None:
    session.project.set_current_model("quick", "made")
    page = make_page(evaluation(tmp_path))
    tiles = page._tiles.tiles
    assert tiles.rowCount() == 4
    assert [tiles.tile(i).subtitle for i in range(4)] == [f"{n} in 100 sure" for n in (43, 42, 41, 40)]
    assert tiles.tile(0).title == "daisy → rose"
    page._matrix.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Return):
        qtbot.keyClick(page._matrix, key)
    assert tiles.rowCount() == 25
    assert page._caption.text() == "25 photographs of rose, answered right"
    qtbot.waitUntil(lambda: page._tiles.image(tiles.tile(0)) is not None)
    page._back.click()
    assert tiles.rowCount() == 4


def test_a_label_opens_from_its_bar(make_page, session, tmp_path: Path) -> None:
    session.project.set_current_model("quick", "made")
    page = make_page(evaluation(tmp_path))
    page._show_labels.click()
    page._bars.opened.emit("daisy")
    assert page._caption.text() == "daisy: 21 of 25 right"
    assert page._right.currentIndex() == 0


def test_many_labels_show_pairs(make_page, session, tmp_path: Path) -> None:
    names = [f"label {i}" for i in range(21)]
    counts = [[0] * 21 for _ in names]
    counts[3][4] = 2
    session.project.set_current_model("quick", "made")
    page = make_page(evaluation(tmp_path, labels=names, confusion=counts, items=[], per_label=[]))
    assert page._tables.currentIndex() == 1


def test_another_model_has_its_own_exam(make_page, session, tmp_path: Path) -> None:
    session.project.set_current_model("quick", "made")
    page = make_page(evaluation(tmp_path))
    session.project.set_current_model("run-1", "better")
    session.changed.emit(Change.MODEL)
    assert page._stack.currentIndex() == 0


def test_unreadable_pictures_borrow_the_projects_thumbnail(qtbot, make_page, session, tmp_path: Path) -> None:
    found = evaluation(tmp_path)
    odd = tmp_path / "picture.heic"
    odd.write_bytes(b"nothing the window can read")
    found["items"][0]["path"] = str(odd)
    session.project.set_current_model("quick", "made")
    page = make_page(found)
    qtbot.waitUntil(lambda: [asked.photo_ids for asked in session.asked(Thumbnails)] == [(0,)])
    session.thumbnail_ready.emit(0, str(draw(tmp_path / "thumb.png", 5)))
    tile = next(page._tiles.tiles.tile(i) for i in range(4) if page._tiles.tiles.tile(i).photo_id == 0)
    qtbot.waitUntil(lambda: page._tiles.image(tile) is not None)
