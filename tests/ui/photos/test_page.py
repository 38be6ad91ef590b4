"""The Photos page: what hands do to photographs and labels is in the project, and can be undone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest

from resnext_gui.messages import Answer, Classify, Finished, ModelView, Preview, Reconcile, Scan, Source, Thumbnails
from resnext_gui.project import NewPhoto, Project
from resnext_gui.ui.photos.gallery.dragging import carry
from resnext_gui.ui.photos.page import PhotosPage
from resnext_gui.ui.session.state import Change, Work
from tests.ui.photos_help import PhotosSession, fill, names, receipt

Key = Qt.Key
Mod = Qt.KeyboardModifier


@pytest.fixture
def session(project: Project, tmp_path: Path, dressed: Any) -> PhotosSession:
    fill(project, tmp_path / "flowers")
    return PhotosSession(project)


@pytest.fixture
def page(session: PhotosSession, qtbot: Any) -> Iterator[PhotosPage]:
    made = _page(session, qtbot)
    yield made
    made.shut()


def _page(session: PhotosSession, qtbot: Any, width: int = 1208, height: int = 720) -> PhotosPage:
    page = PhotosPage(session)
    qtbot.addWidget(page)
    page.resize(width, height)
    page.show()
    page.activateWindow()
    page.gallery.setFocus()
    qtbot.waitUntil(page.gallery.hasFocus)
    return page


def _label(project: Project, name: str) -> Any:
    return next(label for label in project.labels() if label.name == name)


def _of(project: Project, name: str) -> list[str]:
    return names(project, project.photo_ids(_label(project, name).id))


def test_shows_labels_with_keys_counts_and_what_needs_care(page: PhotosPage) -> None:
    entries = page.panel.model.entries()
    assert [(e.name, e.count, e.key) for e in entries] == [
        ("All photographs", 21, 0), ("daisy", 6, 1), ("rose", 6, 2), ("tulip", 6, 3), ("Unlabelled", 3, 0),
        ("Not readable", 1, 0),
    ]  # fmt: skip
    assert len(page.gallery.ids()) == 21
    assert page.findings_line.isVisible() and "1 file could not be read" in page.findings_line.text.text()


def test_thumbnails_are_asked_for_and_drawn(page: PhotosPage, session: PhotosSession, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: len(page.gallery.thumbs) >= 15)
    asked = list(session.asked(Thumbnails)[0].photo_ids)
    assert asked[: len(page.gallery.visible())] == [page.gallery.ids()[i] for i in page.gallery.visible()]


def test_a_digit_moves_and_undo_and_redo_restore(page: PhotosPage, project: Project, qtbot: Any) -> None:
    first = _of(project, "daisy")[0]
    QTest.keyClick(page.gallery, Key.Key_2)
    assert first in _of(project, "rose") and first not in _of(project, "daisy")
    qtbot.waitUntil(lambda: page.panel.model.entries()[2].count == 7)
    assert "Move 1 photograph to rose" in page.toolbar.undo_button.toolTip()
    QTest.keyClick(page.gallery, Key.Key_Z, Mod.ControlModifier)
    qtbot.waitUntil(lambda: page.panel.model.entries()[2].count == 6)
    assert first in _of(project, "daisy")
    QTest.keyClick(page.gallery, Key.Key_Z, Mod.ControlModifier | Mod.ShiftModifier)
    qtbot.waitUntil(lambda: page.panel.model.entries()[2].count == 7)
    assert first in _of(project, "rose")


def test_after_a_move_the_next_photograph_is_current(page: PhotosPage, project: Project, qtbot: Any) -> None:
    page.panel.choose(_label(project, "daisy").id)
    page.gallery.set_current(2)
    following = page.gallery.ids()[3]
    QTest.keyClick(page.gallery, Key.Key_3)
    qtbot.waitUntil(lambda: len(page.gallery.ids()) == 5)
    assert page.gallery.current_id() == following and page.gallery.selected() == {following}


def test_typing_a_label_completes_and_makes_new_ones(page: PhotosPage, project: Project, qtbot: Any) -> None:
    first = _of(project, "daisy")[0]
    QTest.keyClick(page.gallery, Key.Key_L)
    entry = page.labelling.entry
    assert entry is not None and entry.isVisible()
    QTest.keyClicks(entry.field, "tu")
    QTest.keyClick(entry.field, Key.Key_Return)
    assert first in _of(project, "tulip") and page.gallery.hasFocus()
    qtbot.waitUntil(lambda: page.panel.model.entries()[3].count == 7)
    QTest.keyClick(page.gallery, Key.Key_L)
    QTest.keyClicks(entry.field, "marsh orchid")
    QTest.keyClick(entry.field, Key.Key_Return)
    assert len(_of(project, "marsh orchid")) == 1
    qtbot.waitUntil(lambda: any(e.name == "marsh orchid" for e in page.panel.model.entries()))


def test_dropping_on_a_label_moves(page: PhotosPage, project: Project) -> None:
    ids = [page.gallery.ids()[0], page.gallery.ids()[1]]
    row = page.panel.model.row_of(_label(project, "tulip").id)
    data = carry(ids)
    spot = QPointF(page.panel.list.visualRect(page.panel.model.index(row)).center())
    arguments = (Qt.DropAction.MoveAction, data, Qt.MouseButton.LeftButton, Mod.NoModifier)
    from PySide6.QtGui import QDragMoveEvent

    page.panel.list.dragMoveEvent(QDragMoveEvent(spot.toPoint(), *arguments))
    page.panel.list.dropEvent(QDropEvent(spot, *arguments))
    assert set(ids) <= set(project.photo_ids(_label(project, "tulip").id))


def test_delete_leaves_out_and_the_file_stays(page: PhotosPage, project: Project, qtbot: Any) -> None:
    photo = project.photo(page.gallery.current_id())
    QTest.keyClick(page.gallery, Key.Key_Delete)
    qtbot.waitUntil(lambda: len(page.gallery.ids()) == 20)
    assert Path(photo.path).exists() and "stay where they are" in page.toast.text.text()
    QTest.mouseClick(page.toast.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(page.gallery.ids()) == 21)


def test_renaming_in_place(page: PhotosPage, project: Project, qtbot: Any) -> None:
    page.panel.choose(_label(project, "rose").id)
    page.panel.list.setFocus()
    QTest.keyClick(page.panel.list, Key.Key_F2)
    from PySide6.QtWidgets import QLineEdit

    editor = page.panel.list.findChild(QLineEdit)
    assert editor is not None and editor.text() == "rose"
    editor.selectAll()
    QTest.keyClicks(editor, "wild rose")
    QTest.keyClick(editor, Key.Key_Return)
    qtbot.waitUntil(lambda: any(e.name == "wild rose" for e in page.panel.model.entries()))
    assert len(_of(project, "wild rose")) == 6


def test_a_name_that_is_taken_merges_and_undo_parts_them(page: PhotosPage, project: Project, qtbot: Any) -> None:
    page.panel.model.renamed.emit(_label(project, "rose").id, "tulip")
    assert len(_of(project, "tulip")) == 12
    page.undo()
    assert len(_of(project, "rose")) == 6
    qtbot.waitUntil(lambda: len(page.panel.model.entries()) == 6)


def test_label_menu_excludes_merges_and_selects(page: PhotosPage, project: Project, qtbot: Any) -> None:
    entry = page.panel.model.entries()[1]
    actions = {action.text(): action for action in page.panel.menu_for(entry).actions()}
    actions["Leave out of training"].trigger()
    assert _label(project, "daisy").excluded
    qtbot.waitUntil(lambda: page.panel.model.entries()[1].excluded)
    actions["Select its photographs"].trigger()
    qtbot.waitUntil(lambda: page.gallery.selected_count() == 6)
    merge = actions["Merge into"].menu()
    next(action for action in merge.actions() if action.text() == "tulip").trigger()
    assert len(_of(project, "tulip")) == 12


def test_search_kind_and_order(page: PhotosPage, session: PhotosSession, project: Project, qtbot: Any) -> None:
    QTest.keyClick(page.gallery, Key.Key_F, Mod.ControlModifier)
    QTest.keyClicks(page.panel.search, "rose 3")
    qtbot.waitUntil(lambda: names(project, page.gallery.ids()) == ["rose 3.png"])
    page.panel.search.setText("nowhere")
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.empty)
    QTest.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)
    assert len(page.gallery.ids()) == 21
    project.assign_kinds()
    page.toolbar.set_kind("practice")
    practice = len(page.gallery.ids())
    assert 3 <= practice < 21
    page.toolbar.set_kind(None)
    page.toolbar.set_order("added")
    assert page.gallery.ids()[0] == max(page.gallery.ids())
    assert project.setting("window_order") == "added"
    again = _page(session, qtbot)
    assert again.toolbar.order_button.text() == "Newest first" and again.gallery.ids() == page.gallery.ids()
    again.shut()


def test_findings_say_why_and_can_be_left_out(page: PhotosPage, project: Project, qtbot: Any) -> None:
    opened: list[str] = []
    QTest.mouseClick(page.findings_line.show_button, Qt.MouseButton.LeftButton)
    assert page.stack.currentWidget() is page.findings
    item = page.findings.tree.topLevelItem(0)
    assert item.text(0) == "torn.jpg" and item.text(1) == "It ends."
    page.findings._show_folder = lambda path: bool(opened.append(path)) or True
    page.findings.folder_button.click()
    assert opened and opened[0].endswith("torn.jpg")
    page.findings.forget_button.click()
    qtbot.waitUntil(lambda: page.findings_line.isHidden())
    assert project.unreadable_count() == 0 and page.stack.currentWidget() is page.gallery


def test_photographs_that_are_gone_are_looked_for_where_the_person_says(
    page: PhotosPage, session: PhotosSession, project: Project, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = list(project.photo_ids("all"))[:2]
    project.set_status(gone, "gone")
    session.changed.emit(Change.PHOTOS)
    qtbot.waitUntil(lambda: "2 photographs are gone" in page.findings_line.text.text())
    page.incoming.show_findings("gone")
    assert page.findings.tree.topLevelItemCount() == 2 and page.findings.find_button.isVisible()
    asked: list[str] = []

    def choose(_parent: Any, title: str, take: Any) -> None:
        asked.append(title)
        take(["/another/drive"])

    monkeypatch.setattr("resnext_gui.ui.common.files.ask_folder", choose)
    QTest.mouseClick(page.findings.find_button, Qt.MouseButton.LeftButton)
    assert asked == ["Where are the photographs now?"] and session.asked(Scan)[0].sources == (Source("/another/drive"),)


def test_receipt_undo_takes_the_import_back(page: PhotosPage, session: PhotosSession, project: Project) -> None:
    session.import_finished.emit(receipt())
    assert page.receipt.isVisible() and page.receipt.undo_button.isVisible()
    QTest.mouseClick(page.receipt.undo_button, Qt.MouseButton.LeftButton)
    assert project.photo_count() == 0 and page.receipt.isHidden()


def test_receipt_goes_when_its_import_is_undone_elsewhere(page: PhotosPage, session: PhotosSession) -> None:
    session.import_finished.emit(receipt())
    page.undo()
    assert page.receipt.isHidden()


def test_findings_do_not_say_the_path_twice(page: PhotosPage, session: PhotosSession, project: Project) -> None:
    photo = next(iter(project.photos(list(project.photo_ids("unreadable")))))
    project.set_status([photo.id], "unreadable", f"'{photo.path}' is damaged.")
    page.incoming.show_findings("unreadable")
    assert page.findings.tree.topLevelItem(0).text(1) == "is damaged."


def test_receipt_offers_undo_only_while_the_import_is_last(
    page: PhotosPage, session: PhotosSession, qtbot: Any
) -> None:
    session.import_finished.emit(receipt())
    QTest.keyClick(page.gallery, Key.Key_2)
    qtbot.waitUntil(lambda: page.receipt.undo_button.isHidden())
    page.undo()
    qtbot.waitUntil(lambda: page.receipt.undo_button.isVisible())


def test_another_rule_reads_the_import_again(
    page: PhotosPage, session: PhotosSession, project: Project, tmp_path: Path, qtbot: Any
) -> None:
    result = {"rules": {"last": [["daisy", 6, ""]], "first": [["flowers", 21, ""]], "name": []}, "auto": "last"}
    session.assistant.answers[Preview] = lambda _command: [Finished("", result)]
    session.import_finished.emit(receipt())
    page.receipt.rule_button.click()
    qtbot.waitUntil(lambda: "first" in page.receipt.rules._buttons)
    page.receipt.rules._buttons["first"].click()
    page.receipt.rules.use.click()
    assert project.photo_count() == 0
    assert [asked.sources for asked in session.asked(Scan)] == [(Source(str(tmp_path / "flowers"), "first"),)]


def test_the_other_reading_is_a_click_away(
    page: PhotosPage, session: PhotosSession, project: Project, tmp_path: Path
) -> None:
    rules = {"last": [["daisy", 6, ""], ["rose", 15, ""]], "first": [["a", 9, ""], ["b", 12, ""]]}
    session.import_finished.emit(receipt(rules=rules, auto="last", doubts=["last", "first"]))
    assert "a (9), b (12)" in page.receipt.text.text() and page.receipt.rules.isVisible()
    QTest.mouseClick(page.receipt.other_button, Qt.MouseButton.LeftButton)
    assert project.photo_count() == 0
    assert [asked.sources for asked in session.asked(Scan)] == [(Source(str(tmp_path / "flowers"), "first"),)]


def test_disk_news_are_applied_on_request(page: PhotosPage, session: PhotosSession) -> None:
    session.reconciled.emit({"new": 212, "gone": 3, "changed": 9, "unreachable": [], "examples": {"new": ["a.jpg"]}})
    assert page.news.isVisible() and page.news.text.text() == "212 new, 3 gone, 9 changed."
    page.news.review_button.click()
    page.news.apply_button.click()
    assert [asked.apply for asked in session.asked(Reconcile)] == [True] and page.news.isHidden()


def test_where_the_disk_says_otherwise_can_be_looked_at_and_settled(
    page: PhotosPage, session: PhotosSession, project: Project
) -> None:
    daisy, rose = _label(project, "daisy"), _label(project, "rose")
    mine = list(project.photo_ids(daisy.id))[:3]
    project.move(mine, rose.id)
    project.follow_disk((photo, "weed") for photo in mine)
    page.refresh()
    session.reconciled.emit({"disagree": 3})
    assert page.news.text.text() == "3 keep the label given here." and page.disagree.isHidden()
    page.news.review_button.click()
    page.news.disagree_button.click()
    assert page.where == "disagree" and list(page.gallery.ids()) == mine
    assert page.disagree.text.text() == "The labels of these 3 were given here; their folders or tables say: weed."
    page.disagree.take_button.click()
    assert {photo.label for photo in project.photos(mine)} == {"weed"}
    page.refresh()
    assert page.where == "all" and page.disagree.isHidden()


def test_what_is_away_can_be_given_up(page: PhotosPage, session: PhotosSession) -> None:
    session.reconciled.emit({"unreachable": ["/media/drive"]})
    page.news.review_button.click()
    page.news.give_up_button.click()
    assert [asked.gone for asked in session.asked(Reconcile)] == [True]


def test_unlabelled_are_proposed_accepted_and_corrected(
    page: PhotosPage, session: PhotosSession, project: Project, qtbot: Any
) -> None:
    loose = project.photos(project.photo_ids("unlabelled"))
    proposed = [
        Answer("", photo.path, label, sure, ((label, sure),), "quick", 1.0)
        for photo, label, sure in zip(reversed(loose), ("rose", "tulip", "daisy"), (0.4, 0.6, 0.9), strict=True)
    ]
    session.assistant.answers[Classify] = lambda _command: [*proposed, Finished("", {})]
    session.set_quick(phase="ready", exists=True, right=3, practice=4, labels=3)
    page.panel.choose("unlabelled")
    qtbot.waitUntil(lambda: names(project, page.gallery.ids())[0] == "loose 2.png")
    page.gallery.setFocus()
    assert page.gallery.proposal(page.gallery.current_id()).label == "rose"
    QTest.keyClick(page.gallery, Key.Key_Return)
    assert "loose 2.png" in _of(project, "rose")
    qtbot.waitUntil(lambda: names(project, page.gallery.ids()) == ["loose 1.png", "loose 0.png"])
    QTest.keyClick(page.gallery, Key.Key_1)
    assert "loose 1.png" in _of(project, "daisy")
    qtbot.waitUntil(lambda: names(project, page.gallery.ids()) == ["loose 0.png"])
    QTest.keyClick(page.gallery, Key.Key_Return)
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.empty)


def test_dock_tells_how_far_and_how_good(page: PhotosPage, session: PhotosSession, qtbot: Any) -> None:
    session.set_quick(phase="reading", done=180, total=250, message="Looked at 180 of 250")
    assert page.dock.lead.text() == "Looked at 180 of 250" and page.dock.progress.value() == 180
    assert not page.dock.more.text()  # said once
    session.set_quick(phase="ready", exists=True, right=41, practice=50, labels=3, photographs=250)
    assert page.dock.lead.text() == "Quick model: 41 of 50 right in practice"
    assert page.dock.more.text() == "Learned from 200 photographs of 3 labels"
    with qtbot.waitSignal(session.navigate) as heard:
        page.dock.improve.click()
    assert heard.args == ["train"]


def test_one_label_teaches(project: Project, tmp_path: Path, dressed: Any, qtbot: Any) -> None:
    project.add_photos([NewPhoto(str(tmp_path / "a.jpg"), 1, 1, "a", 8, 8, "rust")])
    page = _page(PhotosSession(project), qtbot)
    assert page.dock.lead.text() == "A classifier compares."
    assert "of good ones" in page.dock.more.text() and page.dock.add.isVisible()
    page.shut()


def test_an_empty_project_teaches(project: Project, dressed: Any, qtbot: Any) -> None:
    page = PhotosPage(PhotosSession(project))
    qtbot.addWidget(page)
    page.show()
    assert page.empty.isVisible() and "One sub-folder per label" in page.empty.title.text()
    page.shut()


def test_labels_are_a_drawer_in_a_narrow_window(session: PhotosSession, qtbot: Any) -> None:
    page = _page(session, qtbot, 888, 560)
    assert page.panel.isHidden() and page.toolbar.drawer_button.isVisible()
    page.toolbar.drawer_button.click()
    assert page.panel.isVisible()
    page.panel.list.choose("unlabelled")
    assert page.panel.isHidden() and page.where == "unlabelled"
    page.resize(1208, 720)
    qtbot.waitUntil(page.panel.isVisible)
    page.shut()


def test_loupe_follows_the_gallery_and_labels(page: PhotosPage, project: Project, qtbot: Any) -> None:
    page.gallery.select_all()
    QTest.keyClick(page.gallery, Key.Key_Space)
    loupe = page.looking.loupe
    assert loupe is not None and loupe.isVisible() and loupe.size() == page.size()
    qtbot.waitUntil(lambda: loupe.view.loaded.width() == 64)
    first = loupe.photo.id
    QTest.keyClick(loupe, Key.Key_Right)
    assert loupe.photo.id == page.gallery.ids()[1] != first
    second = loupe.photo.id
    QTest.keyClick(loupe, Key.Key_3)
    assert project.photo(second).label == "tulip" and project.photo(first).label == "daisy"
    QTest.keyClick(loupe, Key.Key_Escape)
    assert loupe.isHidden() and page.gallery.hasFocus()


def test_loupe_shows_what_the_model_receives(
    page: PhotosPage, session: PhotosSession, tmp_path: Path, qtbot: Any
) -> None:
    from tests.ui.photos_help import draw

    page.looking.open()
    loupe = page.looking.loupe
    assert loupe is not None
    qtbot.waitUntil(lambda: loupe.view.loaded.width() == 64)
    QTest.keyClick(loupe, Key.Key_V)
    path = loupe.photo.path
    assert [asked.path for asked in session.asked(ModelView)] == [path]
    session.assistant.say(Finished("", {"path": str(draw(tmp_path / "view.png", 10, 224, 224))}))
    qtbot.waitUntil(lambda: loupe.view.loaded.height() == 224)
    assert loupe.shows_model_view and "224 × 224" in loupe.facts.text()
    QTest.keyClick(loupe, Key.Key_V)
    qtbot.waitUntil(lambda: loupe.view.loaded.height() == 48)


def test_photo_menu_moves_what_is_selected(page: PhotosPage, project: Project) -> None:
    from resnext_gui.ui.photos.menu import photo_menu

    page.gallery.set_current(0)
    QTest.keyClick(page.gallery, Key.Key_Right, Mod.ShiftModifier)
    menu = photo_menu(page, page.labelling, page.gallery, page.labels)
    moves = next(a.menu() for a in menu.actions() if a.menu() is not None)
    next(a for a in moves.actions() if a.text().startswith("tulip")).trigger()
    assert len(_of(project, "tulip")) == 8


def test_a_large_project_is_listed_on_a_thread(
    session: PhotosSession, project: Project, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resnext_gui.ui.photos.gallery.lister.LARGE", 1)
    page = _page(session, qtbot)
    qtbot.waitUntil(lambda: len(page.gallery.ids()) == 21)
    page.gallery.set_current(0)
    first, second, third = page.gallery.ids()[:3]
    QTest.keyClick(page.gallery, Key.Key_2)
    QTest.keyClick(page.gallery, Key.Key_3)  # typed faster than the list is read again
    assert [project.photo(i).label for i in (first, second, third)] == ["rose", "tulip", "daisy"]
    qtbot.waitUntil(lambda: page.panel.model.entries()[1].count == 4)
    assert page.gallery.current_id() == third
    page.panel.choose("unlabelled")
    qtbot.waitUntil(lambda: len(page.gallery.ids()) == 3)
    page.shut()


def test_an_empty_project_tells_what_is_on_its_way(project: Project, dressed: Any, qtbot: Any) -> None:
    session = PhotosSession(project)
    page = PhotosPage(session)
    qtbot.addWidget(page)
    page.show()
    session.work_changed.emit(Work("Looking for photographs", "Found 120", key="scan"))
    assert page.empty.title.text() == "Looking for photographs" and page.empty.button.isHidden()
    session.work_changed.emit(None)
    assert page.empty.button.isVisible()
    page.shut()


def test_refreshes_only_while_visible(page: PhotosPage, session: PhotosSession, project: Project, qtbot: Any) -> None:
    page.hide()
    project.move(list(page.gallery.ids()[:2]), None)
    session.changed.emit(Change.PHOTOS)
    assert page.panel.model.entries()[-2].count == 3
    page.show()
    qtbot.waitUntil(lambda: page.panel.model.entries()[-2].count == 5)


def test_the_window_keeps_its_beat_with_20000_photographs(
    project: Project, tmp_path: Path, dressed: Any, qtbot: Any
) -> None:
    for start in range(0, 20_000, 500):
        project.add_photos(
            [
                NewPhoto(str(tmp_path / f"n{i}.jpg"), 1, 1, f"h{i}", 640, 480, f"label {i % 40}")
                for i in range(start, start + 500)
            ],
            import_id=1 if start else None,
        )
    session = PhotosSession(project)
    page = _page(session, qtbot)
    gaps: list[float] = []
    last = time.perf_counter()

    def beat() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(now - last)
        last = now

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(beat)
    timer.start(10)
    state = SimpleNamespace(steps=0)

    def work() -> None:
        state.steps += 1
        bar = page.gallery.verticalScrollBar()
        bar.setValue((state.steps * 7919) % max(1, bar.maximum()))
        if state.steps % 10 == 0:
            project.set_status([page.gallery.ids()[state.steps]], "changed")
            session.changed.emit(Change.PHOTOS)

    worker = QTimer()
    worker.timeout.connect(work)
    worker.start(15)
    qtbot.waitUntil(lambda: state.steps >= 60, timeout=20_000)
    worker.stop()
    timer.stop()
    page.shut()
    # Generous beside the 100 ms that people should get: other tests may run at the same time.
    assert sorted(gaps)[-3] < 0.25


def test_right_click_selects_and_asks_for_a_menu(page: PhotosPage, qtbot: Any) -> None:
    seen: list[QPoint] = []
    page.gallery.menu_wanted.disconnect()
    page.gallery.menu_wanted.connect(seen.append)
    spot = page.gallery.tile_rect(3).center()
    QTest.mouseClick(page.gallery.viewport(), Qt.MouseButton.RightButton, Mod.NoModifier, spot)
    assert seen and page.gallery.selected() == {page.gallery.ids()[3]}
