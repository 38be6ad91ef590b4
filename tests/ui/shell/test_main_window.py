"""The frame: what drops become, where keys lead, and how the window closes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit

from resnext_gui.messages import TrainSpec
from resnext_gui.project import MARKER, Project
from resnext_gui.ui.common import dropping, theme
from resnext_gui.ui.common.dropping import Dropped
from resnext_gui.ui.session import quick
from resnext_gui.ui.session.state import Device, ModelInfo, Problem, Work
from resnext_gui.ui.shell import main_window as module
from resnext_gui.ui.shell import strip, topbar
from resnext_gui.ui.shell.closing import BACKGROUND, PAUSE, ClosingDialog
from resnext_gui.ui.shell.dropzones import ASK, LEARN
from resnext_gui.ui.shell.keyhelp import KeyHelp
from resnext_gui.ui.shell.main_window import MainWindow
from resnext_gui.ui.shell.places import PAGES
from resnext_gui.ui.system.settings import Settings
from tests.ui.engine_process.test_client import dead

LONG = 20_000


@pytest.fixture
def make_window(qtbot, dressed, make_client, monkeypatch):
    """Makes windows with scripted engines."""
    monkeypatch.setattr(quick, "CALM", 50)
    monkeypatch.setattr(QApplication, "quit", staticmethod(lambda: None))
    made = []

    def make(**behaviour):
        window = MainWindow(
            Settings(), make_client(**behaviour), lambda: make_client("trainer", one_job=True, **behaviour)
        )
        qtbot.addWidget(window)
        window.show()
        made.append(window)
        return window

    yield make
    for window in made:
        window._leave()


def opened(qtbot, window, photographs):
    """Drop `photographs` on the first page and wait for the first model."""
    window.start.area.dropped.emit(Dropped(paths=[str(photographs)]))
    qtbot.waitUntil(
        lambda: window.session.quick.state.phase == "ready" and not window.session.quick.state.stale, timeout=LONG
    )
    qtbot.waitUntil(lambda: len(window.pages) == len(PAGES), timeout=LONG)
    return window


def drag(window, data):
    where = QPoint(20, 20)
    event = QDragEnterEvent(where, Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0))
    event.setAccepted(False)
    window.dragEnterEvent(event)
    return event.isAccepted()


def drop(widget, data, where):
    event = QDropEvent(
        QPointF(where), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0)
    )
    widget.dropEvent(event)


def urls(*paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def texts(window):
    return [problem.message for problem in window.banners.shown]


# ---- the first page


def test_the_first_page_has_one_thing_to_do(make_window):
    window = make_window()
    assert window.page == "start"
    assert not window.top.isVisible() and not window.rail.isVisible() and not window.strip.isVisible()
    assert window.focusWidget() is window.start.choose
    assert window.minimumSize().width() <= 960 and window.minimumSize().height() <= 640


def test_a_folder_dropped_there_becomes_a_project_of_its_name(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    assert window.session.project.name == "flowers"
    assert window.page == "photos" and window.rail.buttons["photos"].isChecked()
    assert window.windowTitle().startswith("flowers")
    qtbot.waitUntil(lambda: window.top.model.text().startswith("Quick model, 41 of 50 right"))
    assert window.settings.recent()[0].photographs == 8
    assert Path(window.session.folder).is_dir()


def test_samples_make_a_project_too(qtbot, make_window):
    window = make_window()
    window.start.samples.click()
    qtbot.waitUntil(lambda: window.session.quick.state.phase == "ready", timeout=LONG)
    assert [label.name for label in window.session.project.labels()] == ["ball", "box"]


def test_recent_projects_open_with_a_click(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    folder = window.session.folder
    window.close_project()
    assert window.page == "start" and window.session is None
    from resnext_gui.ui.start.page import RecentCard

    (card,) = window.start.findChildren(RecentCard)
    assert "flowers" in card.accessibleName()
    assert {Path(face).parent.name for face in card.recent.faces} == {"daisy", "rose"}
    card.click()
    assert window.session.folder == folder


def test_the_work_on_a_project_begins_when_its_pages_are_there(qtbot, make_window, photographs, monkeypatch):
    window = make_window()
    opened(qtbot, window, photographs)
    place = window.session.folder
    window.close_project()
    begun = []
    monkeypatch.setattr(module.Session, "open_up", lambda session: begun.append(set(window.pages)))
    window.open_project(place)
    qtbot.waitUntil(lambda: bool(begun), timeout=LONG)
    assert begun == [{place.key for place in PAGES}]


def test_a_project_that_is_gone_says_so_and_can_be_taken_off_the_list(make_window, tmp_path):
    window = make_window()
    window.settings.remember(str(tmp_path / "gone"), "Gone", 3, 1)
    window.open_project(str(tmp_path / "gone"))
    assert "no project" in texts(window)[0]
    button = next(b for b in window.banners.findChildren(QAbstractButton) if "Remove" in b.text())
    button.click()
    assert window.settings.recent() == [] and texts(window) == []


def test_a_project_of_a_newer_version_is_refused_with_a_clear_sentence(make_window, project, tmp_path):
    import sqlite3

    project.close()
    connection = sqlite3.connect(project.folder / "project.db")
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()
    window = make_window()
    window.open_project(str(project.folder))
    assert window.session is None and "newer version" in texts(window)[0]


@pytest.mark.parametrize("which", ["", "project.db", MARKER])
def test_a_dropped_project_opens(qtbot, make_window, project, which):
    window = make_window()
    window.start.area.dropped.emit(Dropped(paths=[str(project.folder / which)]))
    session = window.session
    assert session.folder == str(project.folder)
    window.open_project(str(project.folder / which))
    assert window.session is session, "it is open already"


def test_a_read_only_project_says_so(make_window, project, monkeypatch):
    real = Project.open

    def read_only(path):
        opened = real(path)
        opened.read_only = True
        return opened

    monkeypatch.setattr(Project, "open", staticmethod(read_only))
    window = make_window()
    window.open_project(str(project.folder))
    assert any("cannot be written" in text for text in texts(window))


# ---- drops


def test_two_zones_show_while_something_is_dragged(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    assert drag(window, urls(photographs))
    assert window.zones.zones == [LEARN, ASK]
    window.zones.hide()
    window.turn_to("classify")
    drag(window, urls(photographs))
    assert window.zones.zones == [ASK]


def test_text_is_not_welcome(qtbot, make_window):
    window = make_window()
    data = QMimeData()
    data.setText("hello")
    assert not drag(window, data)
    assert window.zones.zones == []


def test_the_left_zone_learns_and_the_right_one_asks(qtbot, make_window, photographs, tmp_path):
    window = opened(qtbot, make_window(), photographs)
    more = tmp_path / "more" / "tulip"
    more.mkdir(parents=True)
    (more / "tulip 1.png").write_bytes((photographs / "rose" / "rose 1.png").read_bytes())
    drag(window, urls(more.parent))
    left, right = window.zones.zone_rects()
    window.turn_to("train")
    with qtbot.waitSignal(window.session.import_finished, timeout=LONG):
        drop(window.zones, urls(more.parent), left.center().toPoint())
    assert window.page == "photos" and not window.zones.isVisible()
    assert "tulip" in [label.name for label in window.session.project.labels()]
    drag(window, urls(more))
    with qtbot.waitSignal(window.session.answered, timeout=LONG):
        drop(window.zones, urls(more / "tulip 1.png"), right.center().toPoint())
    assert window.page == "classify"


def test_a_picture_from_a_browser_is_asked_about(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    image = QImage(32, 32, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    data = QMimeData()
    data.setImageData(image)
    data.setUrls([QUrl("https://example.org/rose.jpg")])
    with qtbot.waitSignal(window.session.answered, timeout=LONG):
        window.zones.dropped.emit(ASK, dropping.read(data))


def test_an_address_alone_is_explained(make_window):
    window = make_window()
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/rose.jpg")])
    window.intake.take(ASK, dropping.read(data))
    assert "example.org" in texts(window)[0]
    assert "paste it here" in window.banners.shown[0].hint


def test_what_drops_bring():
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    image.fill(QColor("blue"))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    png = buffer.data()
    raw = QMimeData()
    raw.setData("image/png", png)
    assert dropping.is_welcome(raw) and dropping.read(raw).image.width() == 8
    html = QMimeData()
    html.setHtml(f'<img src="data:image/png;base64,{bytes(png.toBase64().data()).decode()}">')
    assert dropping.read(html).image.width() == 8
    broken = QMimeData()
    broken.setHtml('<img src="data:image/png;base64,AAAA">')
    assert dropping.read(broken).empty
    url = QMimeData()
    url.setUrls([QUrl(f"data:image/png;base64,{bytes(png.toBase64().data()).decode()}")])
    assert dropping.read(url).image is not None
    both = urls("/pictures/a b/ä.jpg")
    both.setImageData(image)
    assert dropping.read(both).paths == ["/pictures/a b/ä.jpg"] and dropping.read(both).image is None
    assert dropping.read(QMimeData()).empty


def test_nothing_usable_is_told(make_window):
    window = make_window()
    window.intake.take(ASK, Dropped())
    assert "no picture" in texts(window)[0]


def test_pasting_asks_the_model(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    image = QImage(40, 40, QImage.Format.Format_RGB32)
    image.fill(QColor("green"))
    QGuiApplication.clipboard().setImage(image)
    window.turn_to("train")
    with qtbot.waitSignal(window.session.answered, timeout=LONG):
        window.intake.paste()
    QGuiApplication.clipboard().clear()
    window.intake.paste()
    assert any("clipboard" in text for text in texts(window))


def test_paste_and_undo_keys_work_on_every_page(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    image = QImage(40, 40, QImage.Format.Format_RGB32)
    image.fill(QColor("green"))
    QGuiApplication.clipboard().setImage(image)
    answers = []
    window.session.answered.connect(answers.append)
    window.activateWindow()
    for number, place in enumerate(PAGES, 1):
        window.turn_to(place.key)
        target = window.focusWidget() or window
        qtbot.keyClick(target, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(lambda wanted=number: len(answers) == wanted, timeout=LONG)
        assert window.page == "classify"
    window.turn_to("photos")
    text = window.session.project.undo_text()
    target = window.focusWidget() or window
    qtbot.keyClick(target, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.session.project.redo_text() == text, timeout=LONG)


def test_pasting_without_a_project_says_what_to_do(make_window):
    window = make_window()
    image = QImage(40, 40, QImage.Format.Format_RGB32)
    QGuiApplication.clipboard().setImage(image)
    window.intake.paste()
    assert "no project open" in texts(window)[0]


# ---- the frame


def test_keys_lead_everywhere(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    window.activateWindow()
    for number, place in enumerate(PAGES, 1):
        qtbot.keyClick(window, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        assert window.page == place.key
        assert window.stack.currentWidget() is window.pages[place.key]


def test_the_list_of_keys(qtbot, make_window):
    window = make_window()
    window.show_keys()
    dialog = window.findChild(KeyHelp)
    assert dialog.isVisible()
    qtbot.keyClicks(dialog, "?")
    assert not dialog.isVisible()


def test_banners_belong_to_their_page(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    window.show_problem(Problem("train", "Training failed.", "Try again.", "details"))
    window.show_problem(Problem("", "The drive is gone.", code="folder_gone"))
    assert texts(window) == ["The drive is gone."]
    window.turn_to("train")
    assert texts(window) == ["Training failed.", "The drive is gone."]
    copy = next(b for b in window.banners.findChildren(QAbstractButton) if b.text() == "Copy details")
    copy.click()
    assert "details" in QGuiApplication.clipboard().text()
    window.session.back.emit()
    assert texts(window) == ["Training failed."]
    window.show_problem(Problem("train", "Training failed.", "Try again."))
    assert texts(window) == ["Training failed."], "told once"


def test_the_project_is_renamed_in_place(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    field = window.top.name
    field.setText("Spring flowers")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert window.session.project.name == "Spring flowers"
    assert window.windowTitle().startswith("Spring flowers")
    field.setText("other")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    field.setText("   ")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert field.text() == "Spring flowers"


def test_the_model_menu_marks_and_chooses(qtbot, dressed):
    bar = topbar.TopBar()
    qtbot.addWidget(bar)
    assert not bar.model.isEnabled()
    run = ModelInfo("r1", "Night run", 46, 50, True, time.time())
    gone = ModelInfo("r0", "Old run", 40, 50, False, 1.0, missing=True)
    bar.show_models([ModelInfo("quick", "Quick model", 41, 50), run, gone])
    assert bar.model.text().startswith("Night run, 46 of 50 right")
    menu = bar.model_menu()
    actions = [action for action in menu.actions() if action.isCheckable()]
    assert [action.isChecked() for action in actions] == [False, True, False]
    assert [action.isEnabled() for action in actions] == [True, True, False]
    with qtbot.waitSignal(bar.model_chosen) as chosen:
        actions[0].trigger()
    assert chosen.args == ["quick"]


def test_the_device_in_words(qtbot, dressed):
    assert topbar.device_in_words(None) == "This computer's processor"
    gpu = Device("gpu", "NVIDIA H200", "bfloat16", "It is there.", "Nothing.", 16)
    assert topbar.device_in_words(gpu) == "NVIDIA H200"
    bar = topbar.TopBar()
    qtbot.addWidget(bar)
    bar.show_device(gpu)
    for device in (None, gpu, Device("cpu", "Xeon", "float32", "No graphics card.", "A card.", 2)):
        card = topbar.device_card(device, bar)
        assert card.layout().count() >= 2


def test_the_strip_says_what_goes_on(qtbot, dressed):
    shown = strip.Strip()
    qtbot.addWidget(shown)
    shown.resize(1280, 32)
    shown.show_work(Work("Reading", "the drive is the limit", 1200, 4000, 180.0, True, "scan"))
    assert strip.figures_of(shown._work) == "1,200 of 4,000  ·  3 min left  ·  the drive is the limit"
    assert shown._cancel.isVisibleTo(shown)
    with qtbot.waitSignal(shown.cancelled):
        shown._cancel.click()
    assert strip.figures_of(Work("Training", "", 620, 1000, None, False, "training")) == "62 %"
    shown.show_work(None)
    assert not shown._cancel.isVisibleTo(shown)


def test_everything_that_takes_the_focus_has_a_name(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    frame = [window.top, window.rail, window.strip, window.start]
    for part in frame:
        for widget in part.findChildren(QAbstractButton) + part.findChildren(QLineEdit):
            name = widget.accessibleName() or getattr(widget, "text", str)()
            assert name.strip(), widget


def test_light_and_dark_from_the_menu(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    window.choose_theme("dark")
    assert theme.colours().dark and Settings().get("theme") == "dark"
    assert {action.text().split("\t")[0] for action in window.menu().actions()} >= {"Quit", "Keys", "Appearance"}


def test_the_engine_is_readied_on_the_first_page(qtbot, make_window, project):
    window = make_window()
    window.warm_up()
    qtbot.waitUntil(lambda: window._device is not None, timeout=LONG)
    window.open_project(str(project.folder))
    assert window.session.device.cores == 2


# ---- runs and closing


def running(qtbot, window, photographs):
    opened(qtbot, window, photographs)
    window.session.training.begin(TrainSpec())
    qtbot.waitUntil(lambda: window.session.training.state.phase == "running", timeout=LONG)
    return window.session


def test_a_run_shows_on_the_rail_while_pages_change(qtbot, make_window, photographs):
    window = make_window(pace=0.02)
    session = running(qtbot, window, photographs)
    window.turn_to("classify")
    qtbot.waitUntil(lambda: (window.rail.buttons["train"].progress or 0) > 0.2, timeout=LONG)
    window.close_project()
    assert window.session is session and any("run is under way" in text for text in texts(window))
    session.training.stop()
    qtbot.waitUntil(lambda: window.rail.buttons["train"].progress is None, timeout=LONG)


def test_closing_without_a_run_is_immediate(qtbot, make_window, photographs):
    window = opened(qtbot, make_window(), photographs)
    pid = window.assistant.pid
    began = time.monotonic()
    with qtbot.waitSignal(window.gone):
        window.close()
    assert time.monotonic() - began < 5
    assert dead(pid)
    assert not window.isVisible() and isinstance(Settings().get("geometry"), str)


def test_closing_during_a_run_asks_and_one_can_stay(qtbot, make_window, photographs):
    window = make_window(pace=0.02)
    session = running(qtbot, window, photographs)
    window.close()
    dialog = window.findChild(ClosingDialog)
    assert window.isVisible() and dialog.isVisible()
    dialog.reject()
    assert window.isVisible() and session.training.active


def test_pausing_until_the_person_returns(qtbot, make_window, photographs):
    window = make_window(pace=0.05)
    session = running(qtbot, window, photographs)
    qtbot.waitUntil(lambda: session.training.state.progress > 0.3, timeout=LONG)
    folder, run = session.folder, session.training.state.run
    pid = session.trainer.pid
    window.close()
    with qtbot.waitSignal(window.gone, timeout=LONG):
        window.findChild(ClosingDialog).chosen.emit(PAUSE)
    assert not window.isVisible()
    assert dead(pid)
    with Project.open(folder) as project:
        assert project.run(run).status == "interrupted"
    again = make_window(pace=0.0)
    again.open_project(folder)
    qtbot.waitUntil(lambda: any("interrupted" in text for text in texts(again)), timeout=LONG)
    go_on = next(b for b in again.banners.findChildren(QAbstractButton) if b.text().startswith("Continue"))
    go_on.click()
    assert again.page == "train"
    qtbot.waitUntil(lambda: again.session.training.state.phase == "finished", timeout=LONG)
    assert again.session.training.state.run == run
    assert not any("interrupted" in text for text in texts(again))


def test_finishing_in_the_background(qtbot, make_window, photographs):
    window = make_window(pace=0.02)
    session = running(qtbot, window, photographs)
    folder, run = session.folder, session.training.state.run
    window.close()
    with qtbot.waitSignal(window.gone, timeout=LONG):
        window.findChild(ClosingDialog).chosen.emit(BACKGROUND)
        assert not window.isVisible() and session.training.active
    with Project.open(folder) as project:
        assert project.run(run).status == "finished"


def test_a_run_that_will_not_pause_does_not_keep_the_window(qtbot, make_window, photographs, monkeypatch):
    monkeypatch.setattr(module, "PAUSE_PATIENCE", 200)
    window = opened(qtbot, make_window(Train="deaf"), photographs)
    window.session.training.begin(TrainSpec())
    qtbot.waitUntil(lambda: window.session.trainer.pid is not None, timeout=LONG)
    window.close()
    with qtbot.waitSignal(window.gone, timeout=LONG):
        window.findChild(ClosingDialog).chosen.emit(PAUSE)


def test_settings_survive_damage(own_home):
    settings = Settings()
    settings.set("theme", "dark")
    assert Settings().get("theme") == "dark"
    settings.path.write_bytes(QByteArray(b"{broken").data())
    assert Settings().get("theme", "system") == "system"
    for number in range(20):
        settings.remember(f"/p/{number % 15}", str(number), number, 1)
    assert len(settings.recent()) == 12 and settings.recent()[0].name == "19"
