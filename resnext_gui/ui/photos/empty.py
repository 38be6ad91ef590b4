"""What the Photos page says where there is nothing to show."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme
from resnext_gui.ui.common.folder_drawing import FolderDrawing
from resnext_gui.ui.photos.gallery.lister import Kind

ROOM_TO_DRAW = 400
"""The drawing is left away below this height."""


class EmptyPhotos(QWidget):
    """A drawing of what to drop, a sentence that teaches, and one button."""

    folder_wanted = Signal()
    action_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dashed = True
        self.drawing = FolderDrawing()
        self.drawing.setMaximumHeight(240)
        self._drawn = True
        self.title = theme.label("", "heading", wrap=True)
        self.text = theme.label("", "quiet-lead", wrap=True)
        for label in (self.title, self.text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.button = QPushButton(self.tr("Choose a folder..."))
        self.button.setProperty("role", "primary")
        self.button.clicked.connect(self._pressed)
        self._adds = True
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(48, 40, 48, 40)
        column.setSpacing(12)
        column.addStretch(2)
        column.addWidget(self.drawing)
        column.addSpacing(8)
        column.addWidget(self.title)
        column.addWidget(self.text)
        column.addSpacing(8)
        column.addLayout(row)
        column.addStretch(3)
        theme.changed.connect(self._repaint)

    def teach_drop(self) -> None:
        """Nothing was added yet."""
        self._show(
            self.tr("Drop a folder here. One sub-folder per label."),
            self.tr("Single pictures are welcome too: they wait under Unlabelled until you give them a label."),
            self.tr("Choose a folder..."),
            adds=True,
        )

    def tell_work(self, title: str, text: str) -> None:
        """Photographs are on their way."""
        self._show(title, text, "", adds=False)
        self.button.hide()

    def teach_label(self, name: str, key: int) -> None:
        """A label without photographs."""
        if key:
            text = self.tr("Drag photographs onto it, or select some and press {key}.").format(key=key)
        else:
            text = self.tr("Drag photographs onto it, or select some, press L, and type its name.")
        self._show(self.tr('Nothing is labelled "{name}" yet').format(name=name), text, self.tr("Show all photographs"))

    def teach_unlabelled(self) -> None:
        """Every photograph has a label."""
        self._show(
            self.tr("Every photograph has a label"),
            self.tr("Pictures that do not lie in a folder of their own come here first."),
            self.tr("Show all photographs"),
        )

    def teach_search(self, search: str) -> None:
        """Nothing is called so."""
        self._show(
            self.tr('No file name contains "{search}"').format(search=search),
            self.tr("All words you type must occur in the name."),
            self.tr("Clear the search"),
        )

    def teach_kind(self, kind: Kind, exam_missing: bool) -> None:
        """No photograph of this kind is shown."""
        text = (
            self.tr("An exam needs at least five different photographs of a label.")
            if exam_missing
            else self.tr("Kinds are dealt out when the model first looks at the photographs.")
        )
        self._show(self.tr("No {kind} photographs here").format(kind=kind), text, self.tr("Show all kinds"))

    def _show(self, title: str, text: str, button: str, *, adds: bool = False) -> None:
        self.title.setText(title)
        self.text.setText(text)
        self.button.setText(button)
        self.button.show()
        self._adds = adds
        self._drawn = adds
        self.drawing.setVisible(adds and self.height() >= ROOM_TO_DRAW)
        self._dashed = adds
        theme.set_role(self.button, "primary" if adds else "")
        self.setAccessibleName(f"{title} {text}")
        self.update()

    def _pressed(self) -> None:
        (self.folder_wanted if self._adds else self.action_wanted).emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the drawing away where there is little room."""
        super().resizeEvent(event)
        self.drawing.setVisible(self._drawn and self.height() >= ROOM_TO_DRAW)

    def _repaint(self) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """Draw the dashed frame of a place to drop on."""
        c = theme.colours()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(c.ground))
        if self._dashed:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            pen = QPen(QColor(c.edge), 1.5)
            pen.setDashPattern([5, 4])
            painter.setPen(pen)
            painter.setBrush(QColor(c.surface))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(16, 16, -16, -16), 16, 16)
        painter.end()
