"""The style sheet.

Roles, given by the dynamic property ``role``:

* labels: ``title`` (28 px), ``heading`` (20), ``lead`` (15), ``strong``, ``quiet``, ``good``, ``caution``, ``wrong``,
  ``figure`` (28 px, equal figures), ``code``
* buttons: none (outlined), ``primary``, ``plain`` (text only), ``danger``, ``tool`` (icon only), ``link``,
  ``segment`` (checkable, in a row), ``choice`` (large checkable card), ``tile`` (card to open something); besides,
  the property ``large`` (true)
* frames: ``card`` (surface, rounded, outlined), ``surface``, ``bar`` (surface, line below), ``dock`` (surface, line
  above), ``side`` (surface, line at the right), ``line`` (1 px rule), ``chip``, ``well`` (sunken ground)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnext_gui.resources import asset

if TYPE_CHECKING:
    from resnext_gui.ui.common.theme import Palette


def sheet(c: Palette) -> str:
    """Return the whole style sheet for palette `c`."""
    folder = asset("icons", "controls").as_posix()
    tone = "dark" if c.dark else "light"

    def picture(name: str) -> str:
        return f'url("{folder}/{name}-{tone}.svg")'

    return "\n".join((_texts(c), _frames(c), _buttons(c), _fields(c, picture), _lists(c, picture), _bars(c)))


def _texts(c: Palette) -> str:
    return f"""
QWidget {{ color: {c.text}; font-size: 13px; }}
QMainWindow, QDialog, QWidget[role="ground"] {{ background: {c.ground}; }}
QLabel {{ background: transparent; }}
QLabel[role="title"] {{ font-size: 28px; font-weight: 600; }}
QLabel[role="figure"] {{ font-size: 28px; font-weight: 600; }}
QLabel[role="heading"] {{ font-size: 20px; font-weight: 600; }}
QLabel[role="lead"] {{ font-size: 15px; }}
QLabel[role="strong"] {{ font-weight: 600; }}
QLabel[role="quiet"] {{ color: {c.quiet}; }}
QLabel[role="quiet-lead"] {{ color: {c.quiet}; font-size: 15px; }}
QLabel[role="good"] {{ color: {c.good}; }}
QLabel[role="caution"] {{ color: {c.caution}; }}
QLabel[role="wrong"] {{ color: {c.wrong}; }}
QLabel[role="code"] {{ font-family: monospace; }}
QLabel[role="key"] {{
  background: {c.surface}; border: 1px solid {c.edge}; border-radius: 4px; padding: 1px 6px; font-weight: 600;
}}
QToolTip {{
  background: {c.text}; color: {c.ground}; border: 1px solid {c.text}; border-radius: 6px; padding: 4px 8px;
}}
"""


def _frames(c: Palette) -> str:
    return f"""
QFrame[role="card"] {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 10px; }}
QFrame[role="popup"] {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 4px; }}
QWidget[role="surface"] {{ background: {c.surface}; }}
QFrame[role="well"] {{ background: {c.ground}; border: 1px solid {c.line}; border-radius: 10px; }}
QFrame[role="bar"] {{ background: {c.surface}; border: none; border-bottom: 1px solid {c.line}; }}
QFrame[role="dock"] {{ background: {c.surface}; border: none; border-top: 1px solid {c.line}; }}
QFrame[role="side"] {{ background: {c.surface}; border: none; border-right: 1px solid {c.line}; }}
QFrame[role="line"] {{ background: {c.line}; border: none; max-height: 1px; min-height: 1px; }}
QFrame[role="chip"], QLabel[role="chip"] {{
  background: {c.ground}; border: 1px solid {c.line}; border-radius: 10px; padding: 1px 8px; color: {c.quiet};
}}
QFrame[role="banner-info"] {{ background: {c.accent_soft}; border: none; border-bottom: 1px solid {c.line}; }}
QFrame[role="banner-good"] {{ background: {c.good_soft}; border: none; border-bottom: 1px solid {c.line}; }}
QFrame[role="banner-caution"] {{ background: {c.caution_soft}; border: none; border-bottom: 1px solid {c.line}; }}
QFrame[role="banner-wrong"] {{ background: {c.wrong_soft}; border: none; border-bottom: 1px solid {c.line}; }}
QSplitter::handle {{ background: {c.line}; }}
QSplitter::handle:horizontal {{ width: 1px; }}
QSplitter::handle:vertical {{ height: 1px; }}
"""


def _buttons(c: Palette) -> str:
    return f"""
QPushButton {{
  background: {c.surface}; border: 1px solid {c.edge}; border-radius: 8px; padding: 0 14px;
  min-height: 30px; font-weight: 500;
}}
QPushButton:hover {{ background: {c.hover}; }}
QPushButton:pressed, QPushButton:checked {{ background: {c.pressed}; }}
QPushButton:focus {{ border: 2px solid {c.accent}; padding: 0 13px; min-height: 28px; }}
QPushButton:disabled {{ color: {c.edge}; border-color: {c.line}; background: {c.ground}; }}
QPushButton[role="primary"] {{
  background: {c.accent}; color: {c.on_accent}; border: 1px solid {c.accent}; font-weight: 600;
}}
QPushButton[role="primary"]:hover {{ background: {c.accent_hover}; border-color: {c.accent_hover}; }}
QPushButton[role="primary"]:pressed {{ background: {c.accent_hover}; }}
QPushButton[role="primary"]:focus {{ border: 2px solid {c.text}; }}
QPushButton[role="primary"]:disabled {{ background: {c.pressed}; color: {c.quiet}; border-color: {c.pressed}; }}
QPushButton[role="danger"] {{ color: {c.wrong}; border-color: {c.wrong}; }}
QPushButton[role="danger"]:hover {{ background: {c.wrong_soft}; }}
QPushButton[role="plain"] {{ background: transparent; border: 1px solid transparent; padding: 0 10px; }}
QPushButton[role="plain"]:hover {{ background: {c.hover}; }}
QPushButton[role="plain"]:pressed, QPushButton[role="plain"]:checked {{ background: {c.pressed}; }}
QPushButton[role="plain"]:focus {{ border: 2px solid {c.accent}; padding: 0 9px; }}
QPushButton[role="plain"]:disabled {{ color: {c.edge}; }}
QPushButton[role="link"] {{
  background: transparent; border: 1px solid transparent; color: {c.accent}; padding: 0 4px; min-height: 22px;
  border-radius: 6px;
}}
QPushButton[role="link"]:hover {{ text-decoration: underline; }}
QPushButton[role="link"]:focus {{ border: 2px solid {c.accent}; padding: 0 3px; min-height: 20px; }}
QPushButton[role="link"]:disabled {{ color: {c.edge}; }}
QPushButton[role="segment"] {{
  background: transparent; border: 1px solid transparent; border-radius: 8px; padding: 0 12px; min-height: 26px;
  color: {c.quiet};
}}
QPushButton[role="segment"]:hover {{ color: {c.text}; background: {c.hover}; }}
QPushButton[role="segment"]:checked {{ background: {c.accent_soft}; color: {c.accent}; font-weight: 600; }}
QPushButton[role="segment"]:focus {{ border: 2px solid {c.accent}; padding: 0 11px; min-height: 24px; }}
QPushButton[large="true"] {{ min-height: 38px; padding: 0 20px; font-size: 15px; }}
QPushButton[large="true"]:focus,
QPushButton[large="true"][role="primary"]:focus {{ min-height: 36px; padding: 0 19px; }}
QPushButton[role="tile"] {{
  background: {c.surface}; border: 1px solid {c.line}; border-radius: 10px; padding: 0; text-align: left;
  min-height: 64px;
}}
QPushButton[role="tile"]:hover {{ border-color: {c.edge}; background: {c.hover}; }}
QPushButton[role="tile"]:focus {{ border: 2px solid {c.accent}; padding: 0; min-height: 62px; }}
QPushButton[role="choice"] {{
  background: {c.surface}; border: 1px solid {c.edge}; border-radius: 10px; padding: 16px; text-align: left;
}}
QPushButton[role="choice"]:hover {{ background: {c.hover}; }}
QPushButton[role="choice"]:checked {{
  background: {c.accent_soft}; border: 2px solid {c.accent}; padding: 15px;
}}
QPushButton[role="choice"]:focus {{ border: 2px solid {c.accent}; padding: 15px; }}
QToolButton, QPushButton[role="tool"] {{
  background: transparent; border: 1px solid transparent; border-radius: 8px; padding: 5px; min-height: 20px;
}}
QToolButton:hover, QPushButton[role="tool"]:hover {{ background: {c.hover}; }}
QToolButton:pressed, QToolButton:checked, QPushButton[role="tool"]:pressed, QPushButton[role="tool"]:checked {{
  background: {c.pressed};
}}
QToolButton:focus, QPushButton[role="tool"]:focus {{ border: 2px solid {c.accent}; padding: 4px; }}
QToolButton:disabled {{ color: {c.edge}; }}
QToolButton::menu-indicator, QPushButton::menu-indicator {{ image: none; width: 0; }}
"""


def _fields(c: Palette, picture: object) -> str:
    p = picture if callable(picture) else str
    return f"""
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox {{
  background: {c.surface}; border: 1px solid {c.edge}; border-radius: 8px; padding: 0 9px; min-height: 30px;
  selection-background-color: {c.accent}; selection-color: {c.on_accent};
}}
QPlainTextEdit, QTextEdit {{ padding: 8px; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {{
  border: 2px solid {c.accent}; padding: 0 8px; min-height: 28px;
}}
QPlainTextEdit:focus, QTextEdit:focus {{ padding: 7px; }}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {{
  color: {c.edge}; border-color: {c.line}; background: {c.ground};
}}
QLineEdit[role="bare"] {{ border: 1px solid transparent; background: transparent; padding: 0 4px; }}
QLineEdit[role="bare"]:hover {{ border-color: {c.line}; }}
QLineEdit[role="bare"]:focus {{ border: 2px solid {c.accent}; background: {c.surface}; padding: 0 3px; }}
QComboBox::drop-down {{ border: none; width: 28px; }}
QComboBox::down-arrow {{ image: {p("down")}; width: 16px; height: 16px; }}
QComboBox QAbstractItemView {{
  background: {c.surface}; border: 1px solid {c.line}; border-radius: 8px; padding: 4px; outline: none;
  selection-background-color: {c.accent_soft}; selection-color: {c.text};
}}
QSpinBox::up-button, QDoubleSpinBox::up-button {{
  subcontrol-origin: border; subcontrol-position: top right; width: 24px; border: none; background: transparent;
}}
QSpinBox::down-button, QDoubleSpinBox::down-button {{
  subcontrol-origin: border; subcontrol-position: bottom right; width: 24px; border: none; background: transparent;
}}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{ image: {p("up")}; width: 14px; height: 14px; }}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{ image: {p("down")}; width: 14px; height: 14px; }}
QCheckBox, QRadioButton {{ spacing: 8px; min-height: 24px; background: transparent; }}
QCheckBox::indicator, QRadioButton::indicator {{
  width: 18px; height: 18px; border: 1px solid {c.edge}; background: {c.surface}; border-radius: 5px;
}}
QRadioButton::indicator {{ border-radius: 10px; }}
QCheckBox::indicator:hover, QRadioButton::indicator:hover {{ border-color: {c.accent}; }}
QCheckBox::indicator:focus, QRadioButton::indicator:focus {{
  border: 2px solid {c.accent}; width: 16px; height: 16px;
}}
QCheckBox::indicator:checked {{ background: {c.accent}; border-color: {c.accent}; image: {p("check")}; }}
QRadioButton::indicator:checked {{ background: {c.accent}; border-color: {c.accent}; image: {p("dot")}; }}
QCheckBox::indicator:checked:focus, QRadioButton::indicator:checked:focus {{ border-color: {c.text}; }}
QCheckBox:disabled, QRadioButton:disabled {{ color: {c.edge}; }}
QSlider::groove:horizontal {{ height: 4px; background: {c.line}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {c.accent}; border-radius: 2px; }}
QSlider::handle:horizontal {{
  width: 16px; height: 16px; margin: -7px 0; border-radius: 9px; background: {c.surface}; border: 1px solid {c.edge};
}}
QSlider::handle:horizontal:focus {{ border: 2px solid {c.accent}; width: 14px; height: 14px; }}
"""


def _lists(c: Palette, picture: object) -> str:
    p = picture if callable(picture) else str
    return f"""
QAbstractScrollArea {{ background: transparent; border: none; }}
QScrollArea > QWidget > QWidget {{ background: transparent; }}
QListView, QTreeView, QTableView {{
  background: {c.surface}; border: none; outline: none; gridline-color: {c.line};
  selection-background-color: {c.accent_soft}; selection-color: {c.text}; alternate-background-color: {c.ground};
}}
QListView::item, QTreeView::item {{ padding: 4px 8px; border-radius: 6px; }}
QListView::item:hover, QTreeView::item:hover {{ background: {c.hover}; }}
QListView::item:selected, QTreeView::item:selected {{ background: {c.accent_soft}; color: {c.text}; }}
QTableView::item {{ padding: 0 8px; border: none; border-bottom: 1px solid {c.line}; }}
QTableView::item:selected {{ background: {c.accent_soft}; color: {c.text}; }}
QHeaderView {{ background: {c.surface}; }}
QHeaderView::section {{
  background: {c.surface}; color: {c.quiet}; border: none; border-bottom: 1px solid {c.line}; padding: 6px 8px;
}}
QTableCornerButton::section {{ background: {c.surface}; border: none; }}
QMenu {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 4px; padding: 6px; }}
QMenu::item {{ padding: 6px 20px 6px 12px; border-radius: 6px; min-height: 18px; }}
QMenu::item:selected {{ background: {c.accent_soft}; }}
QMenu::item:disabled {{ color: {c.quiet}; }}
QMenu::separator {{ height: 1px; background: {c.line}; margin: 6px 8px; }}
QMenu::icon {{ padding-left: 10px; }}
QMenu::indicator {{ width: 16px; height: 16px; padding-left: 8px; }}
QMenu::indicator:checked {{ image: {p("tick")}; }}
QMenu::right-arrow {{ image: {p("right")}; width: 14px; height: 14px; }}
QTabBar::tab {{
  background: transparent; color: {c.quiet}; padding: 6px 12px; border: none; border-bottom: 2px solid transparent;
}}
QTabBar::tab:selected {{ color: {c.text}; border-bottom-color: {c.accent}; }}
QTabBar::tab:focus {{ color: {c.accent}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {c.line}; }}
"""


def _bars(c: Palette) -> str:
    return f"""
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 0; }}
QScrollBar::handle {{ background: {c.edge}; border-radius: 3px; margin: 3px; }}
QScrollBar::handle:hover {{ background: {c.quiet}; }}
QScrollBar::handle:vertical {{ min-height: 32px; }}
QScrollBar::handle:horizontal {{ min-width: 32px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QProgressBar {{
  background: {c.line}; border: none; border-radius: 3px; min-height: 6px; max-height: 6px; color: transparent;
}}
QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
"""
