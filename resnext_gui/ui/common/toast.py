"""A few words over the photographs about what was just done, with the way back."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from resnext_gui.ui.common import theme

SHOWN_MS = 7000


class Toast(QFrame):
    """Shows itself at the foot of its parent for some seconds; stays while the mouse or the focus is on it."""

    undo_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._home = parent
        self._over = parent
        self.setProperty("role", "card")
        self.text = theme.label("")
        self.button = QPushButton(self.tr("Undo"))
        self.button.setProperty("role", "link")
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(self._undo)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 10, 6)
        row.setSpacing(12)
        row.addWidget(self.text)
        row.addWidget(self.button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SHOWN_MS)
        self._timer.timeout.connect(self._fade)
        parent.installEventFilter(self)
        self.hide()

    def say(self, text: str, *, undo: bool = True, over: QWidget | None = None) -> None:
        """Show `text`, with a button to undo it, at the foot of `over` (None: the parent it was made with)."""
        over = over if over is not None else self._home
        if over is not self._over:
            self._over.removeEventFilter(self)
            self._over = over
            self.setParent(over)
            over.installEventFilter(self)
        metrics = self.text.fontMetrics()
        room = max(120, self._over.width() - 180)
        self.text.setText(metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room))
        self.button.setVisible(undo)
        self.setAccessibleName(text)
        self.adjustSize()
        self._place()
        self.show()
        self.raise_()
        self._timer.start()

    def _undo(self) -> None:
        self.hide()
        self.undo_wanted.emit()

    def _fade(self) -> None:
        if self.underMouse() or self.button.hasFocus():
            self._timer.start()
        else:
            self.hide()

    def _place(self) -> None:
        above = 16 if self._over is self._home else 80
        self.move((self._over.width() - self.width()) // 2, self._over.height() - self.height() - above)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay at the foot of the parent."""
        if watched is self._over and event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)
