import time
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt, QTimer, QUrl
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtWidgets import QPushButton

from resnext_gui.messages import Answer, Classify, Finished, ModelView, Refused, Scan
from resnext_gui.ui.classify.page import EMPTY, GRID, PICTURE, TABLE, ClassifyPage
from tests.ui.fake_session import FakeSession
from tests.ui.photos_help import draw

SURE = (("daisy", 0.9), ("rose", 0.1))
CLOSE = (("daisy", 0.52), ("rose", 0.48))


@pytest.fixture
def session(qapp, project) -> FakeSession:
    for name in ("daisy", "rose"):
        project.add_label(name)
    project.set_current_model("quick", "made")
    return FakeSession(project)


@pytest.fixture
def make_page(qtbot, dressed, session):
    def make() -> ClassifyPage:
        page = ClassifyPage(session)
        qtbot.addWidget(page)
        page.resize(1208, 720)
        page.show()
        return page

    return make


@pytest.fixture
def say(qtbot, session, tmp_path: Path):
    """Lets the engine answer, as the session passes it on."""

    def answer(number: int, top=SURE) -> str:
        path = str(draw(tmp_path / f"{number}.png", 40 * number))
        stored = session.project.add_answer(path, top[0][0], top[0][1], top, "quick", 20.0)
        session.answered.emit(Answer("j", path, top[0][0], top[0][1], top, "quick", 20.0, stored))
        return path

    return answer


def settle(qtbot, page: ClassifyPage, count: int) -> None:
    qtbot.waitUntil(lambda: len(page.entries) == count)


# ---- before there is something


def test_without_a_model_it_says_what_to_do(qtbot, make_page, session) -> None:
    session.project.set_current_model(None)
    page = make_page()
    assert page._stack.currentIndex() == EMPTY
    assert page._empty._title.text() == "First it must learn"
    with qtbot.waitSignal(session.navigate) as asked:
        page._empty.findChild(QPushButton).click()
    assert asked.args == ["photos"]


def test_with_a_model_it_invites(make_page, session) -> None:
    page = make_page()
    assert page._empty._title.text() == "Drop pictures here"
    assert page._tools.isHidden()


# ---- answers


def test_the_first_answer_is_shown_at_once(qtbot, make_page, session, say) -> None:
    page = make_page()
    session.classify_changed.emit(0, 1)
    path = say(1)
    session.classify_changed.emit(1, 1)
    settle(qtbot, page, 1)
    assert page._stack.currentIndex() == PICTURE
    assert page.current().path == path
    assert page._card._answer.text() == "daisy"
    qtbot.waitUntil(lambda: page._picture.shown)


def test_answers_return_when_the_project_is_opened_again(qtbot, make_page, session, say) -> None:
    first = make_page()
    say(1)
    say(2, CLOSE)
    settle(qtbot, first, 2)
    first.correct("rose")
    second = make_page()
    assert [e.path for e in second.entries] == [e.path for e in first.entries]
    assert [e.corrected for e in second.entries].count("rose") == 1


def test_refused_files_stay_by_name(qtbot, make_page, session, say) -> None:
    page = make_page()
    say(1)
    session.refused.emit(
        Refused("j", "/p/torn.jpg", "broken:plain", {"message": "'torn.jpg' ends too early.", "hint": "Copy it again."})
    )
    settle(qtbot, page, 2)
    page._filters.button("refused").click()
    assert page._filters.button("refused").text() == "Not read 1"
    assert page._tools.minimumSizeHint().width() <= 960 - 72 - 48  # nothing is cut in the smallest window
    assert page.current().name == "torn.jpg"
    assert page._card._sure.text() == "'torn.jpg' ends too early."
    assert page._card._made.text() == "Copy it again."


def test_the_unsure_filter_and_walking(qtbot, make_page, say) -> None:
    page = make_page()
    for number in range(6):
        say(number, CLOSE if number % 2 else SURE)
    settle(qtbot, page, 6)
    page._filters.button("unsure").click()
    assert page._strip.tiles.rowCount() == 3
    assert page._card._answer.text() == "Unsure: daisy or rose"
    page.setFocus()
    before = page.current()
    qtbot.keyClick(page, Qt.Key.Key_Left)
    assert page.current() is not before and page.current().unsure
    page._filters.button("all").click()
    assert page._strip.tiles.rowCount() == 6


def test_keys_turn_to_grid_and_table_and_back(qtbot, make_page, say) -> None:
    page = make_page()
    say(1)
    settle(qtbot, page, 1)
    page.setFocus()
    qtbot.keyClick(page, Qt.Key.Key_G)
    assert page._stack.currentIndex() == GRID
    qtbot.keyClick(page._grid, Qt.Key.Key_T)
    assert page._stack.currentIndex() == TABLE
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert page._stack.currentIndex() == PICTURE
    assert page._modes.current == "picture"


def test_enter_in_the_grid_opens_the_picture(qtbot, make_page, say) -> None:
    page = make_page()
    say(1)
    second = say(2)
    settle(qtbot, page, 2)
    page.set_mode("grid")
    page._grid.choose(1)
    qtbot.keyClick(page._grid, Qt.Key.Key_Return)
    assert page.mode == "picture" and page.current().path == second


def test_correcting_is_kept_in_the_project(qtbot, make_page, session, say) -> None:
    page = make_page()
    path = say(1)
    settle(qtbot, page, 1)
    page.correct("rose")
    assert [a.corrected for a in session.project.answers(10) if a.path == path] == ["rose"]
    assert page._strip.tiles.tile(0).badge == "corrected"
    page.correct(None)
    assert session.project.answers(10)[0].corrected is None


def test_a_correction_belongs_to_the_answer_that_is_shown(qtbot, make_page, session, say) -> None:
    page = make_page()
    say(1)
    say(1, CLOSE)  # the same picture once more, after the model has learned
    settle(qtbot, page, 2)
    page._strip.choose(0)
    shown = page.current().top
    page.correct("rose")
    corrected = {answer.top: answer.corrected for answer in session.project.answers(10)}
    assert corrected == {shown: "rose", **{top: None for top in (SURE, CLOSE) if top != shown}}


def test_learning_from_a_corrected_picture(qtbot, make_page, session, say) -> None:
    page = make_page()
    path = say(1)
    settle(qtbot, page, 1)
    page.correct("rose")
    page._card._learn.click()
    (asked,) = session.asked(Scan)
    assert (asked.sources[0].path, asked.sources[0].label) == (path, "rose")


def test_the_table_sorts_and_selects(qtbot, make_page, say) -> None:
    page = make_page()
    say(1, SURE)
    least = say(2, CLOSE)
    settle(qtbot, page, 2)
    page.set_mode("table")
    page._table.sortByColumn(2, Qt.SortOrder.AscendingOrder)
    page._table.selectRow(0)
    assert page.current().path == least


# ---- copying, saving, pasting


def test_copy_and_save(qtbot, make_page, session, say, tmp_path: Path) -> None:
    page = make_page()
    say(1)
    say(2)
    settle(qtbot, page, 2)
    page.copy_all()
    assert QGuiApplication.clipboard().text().count("daisy") == 2
    page._card._copy.click()
    assert QGuiApplication.clipboard().text().count("daisy") == 1
    page.write_csv(tmp_path / "answers.csv")
    assert (tmp_path / "answers.csv").read_text("utf-8-sig").count("daisy") == 2
    with qtbot.waitSignal(session.problem) as told:
        page.write_csv(tmp_path / "none" / "answers.csv")
    assert "answers.csv" in told.args[0].message


def test_pasting_a_picture_and_files(qtbot, make_page, session, tmp_path: Path) -> None:
    page = make_page()
    image = QImage(20, 20, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    QGuiApplication.clipboard().setImage(image)
    page.paste()
    (pasted,) = session.asked(Classify)[0].paths
    assert QImage(pasted).size() == image.size()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png"))])
    QGuiApplication.clipboard().setMimeData(data)
    page.paste()
    assert session.asked(Classify)[1].paths == (str(tmp_path / "a.png"),)
    QGuiApplication.clipboard().setText("no picture")
    with qtbot.waitSignal(session.problem):
        page.paste()


def test_pictures_that_only_the_engine_reads(qtbot, make_page, session, tmp_path: Path) -> None:
    page = make_page()
    odd = tmp_path / "photo.heic"
    odd.write_bytes(b"not for the window")
    session.answered.emit(Answer("j", str(odd), "daisy", 0.9, SURE, "quick", 20.0))
    qtbot.waitUntil(lambda: [asked.path for asked in session.asked(ModelView)] == [str(odd)])
    session.assistant.say(Finished("", {"path": str(draw(tmp_path / "view.png", 10))}))
    qtbot.waitUntil(lambda: page._picture.shown)


def test_a_thousand_answers_do_not_hold_the_window(qtbot, make_page, session, tmp_path: Path) -> None:
    page = make_page()
    paths = [str(draw(tmp_path / f"{i}.png", i, 400, 300)) for i in range(20)]
    gaps: list[float] = []
    last: list[float] = []

    def tick() -> None:
        now = time.perf_counter()
        if last:
            gaps.append(now - last[0])
        last[:] = [now]

    timer = QTimer()
    timer.setInterval(10)
    timer.timeout.connect(tick)
    timer.start()
    numbers = iter(range(1000))

    def send() -> bool:
        for _ in range(12):
            number = next(numbers, None)
            if number is None:
                return len(page.entries) == 1000
            session.answered.emit(Answer("j", paths[number % 20], "daisy", 0.9, SURE, "quick", 20.0))
            session.classify_changed.emit(number, 1000)
        return False

    qtbot.waitUntil(send, timeout=30_000)
    timer.stop()
    assert sorted(gaps)[len(gaps) * 9 // 10] < 0.1
