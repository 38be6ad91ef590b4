"""The menu of projects and settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QUrl
from PySide6.QtGui import QAction, QActionGroup, QDesktopServices
from PySide6.QtWidgets import QMenu

from resnext_gui import logs
from resnext_gui.ui.common import theme

if TYPE_CHECKING:
    from resnext_gui.ui.shell.main_window import MainWindow

RECENT = 8


def make_menu(window: MainWindow) -> QMenu:
    """Return the menu for `window` as it stands now."""
    menu = QMenu(window)
    menu.setToolTipsVisible(True)
    _add(menu, _tr("New project from a folder..."), window.choose_photographs, "folder", "Ctrl+N")
    _add(menu, _tr("Open a project..."), window.choose_project, "folder-open", "Ctrl+O")
    open_now = window.session.folder if window.session is not None else ""
    recent = [item for item in window.settings.recent() if item.path != open_now][:RECENT]
    if recent:
        sub = menu.addMenu(theme.icon("clock", theme.colours().quiet), _tr("Recent projects"))
        sub.setToolTipsVisible(True)
        for item in recent:
            entry = _add(sub, theme.caption(item.name), partial(window.open_project, item.path))
            entry.setToolTip(theme.literal(item.path))
    if window.session is not None:
        _add(menu, _tr("Close this project"), window.close_project, "home")
        _add(menu, _tr("Show the project's folder"), partial(_show_folder, window.session.folder))
    menu.addSeparator()
    looks = menu.addMenu(theme.icon("sun", theme.colours().quiet), _tr("Appearance"))
    group = QActionGroup(looks)
    for name, text in (("system", _tr("Like the system")), ("light", _tr("Light")), ("dark", _tr("Dark"))):
        action = _add(looks, text, partial(window.choose_theme, name))
        action.setCheckable(True)
        action.setChecked(theme.choice() == name)
        group.addAction(action)
    _add(menu, _tr("Keys"), window.show_keys, "keyboard", "?")
    _add(menu, _tr("Show the log folder"), partial(_show_folder, str(logs.folder())))
    menu.addSeparator()
    _add(menu, _tr("Quit"), window.close, keys="Ctrl+Q")
    return menu


def _add(menu: QMenu, text: str, run: Callable[[], Any], icon: str = "", keys: str = "") -> QAction:
    # The keys are only shown: the window's own shortcuts do the work.
    action = QAction(f"{text}\t{keys}" if keys else text, menu)
    if icon:
        action.setIcon(theme.icon(icon, theme.colours().quiet))
    action.triggered.connect(lambda _checked=False: run())
    menu.addAction(action)
    return action


def _show_folder(path: str) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(path))


def _tr(text: str) -> str:
    return QCoreApplication.translate("menu", text)
