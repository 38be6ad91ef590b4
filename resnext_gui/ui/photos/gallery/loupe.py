"""The loupe: one photograph as large as the window, from its original file."""

from __future__ import annotations

from pathlib import PurePath

from PySide6.QtCore import QEvent, QObject, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QImage, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from resnext_gui.project import Photo
from resnext_gui.ui.common import theme, words
from resnext_gui.ui.common.pictures import Decoded, PictureLoader
from resnext_gui.ui.photos.gallery.picture_view import NOTCH, PictureView
from resnext_gui.ui.photos.gallery.tiles import Proposal, kind_word


class Loupe(QWidget):
    """Covers its parent.  Tell it what to show by `show_photo`; it tells what the person wants."""

    closed = Signal()
    stepped = Signal(int)
    """+1: the next photograph, -1: the one before."""
    label_key = Signal(int)
    label_wanted = Signal()
    accepted = Signal()
    remove_wanted = Signal()
    model_view_wanted = Signal(str)
    """Path of the photograph to be shown as the model receives it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self._photo: Photo | None = None
        self._proposal: Proposal | None = None
        self._place = ""
        self._thumb = ""
        self._asked_full = False
        self._extra = ""
        self._model_eye = False
        self._original: tuple[QImage, QSize] | None = None
        self._loader = PictureLoader(self)
        self._loader.loaded.connect(self._decoded)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Loupe"))
        self.hide()

        self.view = PictureView(self)
        self.view.detail_wanted.connect(self._want_detail)
        self.view.scale_changed.connect(self._say_scale)
        self.note = theme.label("", "lead", parent=self)
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.note.setWordWrap(True)
        self.note.hide()
        self.previous = self._button("chevron-left", self.tr("Previous photograph (Left)"))
        self.previous.clicked.connect(lambda: self.stepped.emit(-1))
        self.next = self._button("chevron-right", self.tr("Next photograph (Right)"))
        self.next.clicked.connect(lambda: self.stepped.emit(1))
        self.close_button = self._button("close", self.tr("Close (Esc)"))
        self.close_button.clicked.connect(self.close_loupe)

        self.name = theme.label("", "strong")
        self.facts = theme.label("", "quiet")
        self.label_chip = QPushButton()
        self.label_chip.setToolTip(self.tr("Give another label (L, or 1 to 9)"))
        self.label_chip.clicked.connect(self.label_wanted)
        self.scale_text = theme.label("", "quiet")
        self.actual_button = QPushButton(self.tr("Actual pixels  Z"))
        self.eye_button = QPushButton(self.tr("What the model receives  V"))
        self.copy_button = self._button("copy", self.tr("Copy the file's path (Ctrl+C)"))
        for button in (self.actual_button, self.eye_button):
            button.setProperty("role", "plain")
            button.setCheckable(True)
        self.actual_button.clicked.connect(self.toggle_actual)
        self.eye_button.clicked.connect(self.toggle_model_view)
        self.copy_button.clicked.connect(self.copy_path)

        self.bar = QFrame()
        self.bar.setProperty("role", "dock")
        self.bar.setFixedHeight(64)
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(12)
        caption = QVBoxLayout()
        caption.setSpacing(2)
        caption.addStretch()
        caption.addWidget(self.name)
        caption.addWidget(self.facts)
        caption.addStretch()
        row.addWidget(self.label_chip)
        row.addLayout(caption, 1)
        row.addWidget(self.scale_text)
        row.addWidget(self.actual_button)
        row.addWidget(self.eye_button)
        row.addWidget(self.copy_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        middle = QHBoxLayout()
        middle.setContentsMargins(8, 8, 8, 8)
        middle.setSpacing(8)
        middle.addWidget(self.previous, 0, Qt.AlignmentFlag.AlignVCenter)
        middle.addWidget(self.view, 1)
        middle.addWidget(self.next, 0, Qt.AlignmentFlag.AlignVCenter)
        column.addLayout(middle, 1)
        column.addWidget(self.bar)
        parent.installEventFilter(self)

    def _button(self, icon: str, tip: str) -> QPushButton:
        button = QPushButton(self)
        button.setProperty("role", "tool")
        theme.keep_icon(button, icon)
        button.setToolTip(theme.literal(tip))
        button.setAccessibleName(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    # ---------------------------------------------------------------------------------------------------------------
    # What is shown

    def open_photo(self, photo: Photo, thumb: str, place: str, proposal: Proposal | None = None) -> None:
        """Show the loupe over its parent, with this photograph."""
        self.setGeometry(self._over.rect())
        self.show()
        self.raise_()
        self.setFocus()
        self.show_photo(photo, thumb, place, proposal)

    def show_photo(self, photo: Photo, thumb: str, place: str, proposal: Proposal | None = None) -> None:
        """Show a photograph.

        Args:
            photo: its row.
            thumb: its thumbnail's file, shown until the original is loaded and where Qt cannot read that; or empty.
            place: such as "3 of 250".
            proposal: the label the quick model proposes.
        """
        same = self._photo is not None and (self._photo.id, self._photo.hash) == (photo.id, photo.hash)
        self._photo, self._proposal, self._place = photo, proposal, place
        if not same:
            self._thumb = thumb
            self._load()
        elif thumb and not self._thumb:
            self._thumb = thumb
        self._caption()

    @property
    def photo(self) -> Photo | None:
        """The photograph shown."""
        return self._photo

    @property
    def shows_model_view(self) -> bool:
        """Whether the picture is what the model receives."""
        return self._model_eye and self.eye_button.isChecked()

    def _load(self) -> None:
        photo = self._photo
        if photo is None:
            return
        self._model_eye = False
        self._asked_full = False
        self._extra = ""
        self._original = None
        self.eye_button.setChecked(False)
        self.actual_button.setChecked(False)
        self._loader.keep_only(())
        self.view.clear()
        self.note.hide()
        if photo.status in ("unreadable", "gone"):
            gone = photo.status == "gone"
            self._say(self.tr("The file is gone.") if gone else photo.reason or self.tr("It could not be read."))
            return
        self._loader.request((photo.id, "fit"), photo.path, self._room())
        if self._thumb:  # asked for last, so read first
            self._loader.request((photo.id, "thumb"), self._thumb)

    def _room(self) -> QSize:
        ratio = self.devicePixelRatioF()
        size = self.view.size() if self.view.width() > 100 else self.size()
        return QSize(max(256, round(size.width() * ratio)), max(256, round(size.height() * ratio)))

    def thumbnail_ready(self, photo_id: int, path: str) -> None:
        """A thumbnail was made: what is shown where Qt cannot read the original."""
        if self._photo is not None and photo_id == self._photo.id and path and not self._thumb:
            self._thumb = path
            if self.view.empty:
                self._loader.request((photo_id, "thumb"), path)

    def _decoded(self, decoded: Decoded) -> None:
        photo = self._photo
        if photo is None or not isinstance(decoded.key, tuple) or decoded.key[0] != photo.id:
            return
        part = decoded.key[1]
        full = decoded.full
        if part == "model":
            self._show_model_view(decoded)
            return
        if decoded.image.isNull():
            if part == "fit":
                self._fall_back()
            return
        if part == "thumb":
            if self._original is None and not self.shows_model_view:
                known = QSize(photo.width, photo.height)
                self.note.hide()
                self.view.show_image(decoded.image, known if known.isValid() and known.width() else full)
            return
        self._original = (decoded.image, full)
        self.note.hide()
        if not self.shows_model_view:
            self.view.show_image(decoded.image, full, keep_view=not self.view.empty)
            self._caption()

    def _fall_back(self) -> None:
        """Formats that Qt does not read are shown from their thumbnail, which the engine makes."""
        self._extra = self.tr("shown from its preview")
        self._caption()
        if self.view.empty and not self._thumb:
            self._say(self.tr("No large view of this file. Press V to see what the model receives."))

    def _want_detail(self) -> None:
        photo = self._photo
        if photo is None or self._asked_full or self._original is None or self.shows_model_view:
            return
        if self._original[0].size() != self._original[1]:
            self._asked_full = True
            self._loader.request((photo.id, "full"), photo.path)

    def _say(self, text: str) -> None:
        self.view.clear()
        self.note.setText(text)
        self.note.setGeometry(self.view.geometry().adjusted(80, 0, -80, 0))
        self.note.show()
        self.note.raise_()

    def _caption(self) -> None:
        photo = self._photo
        if photo is None:
            return
        self.name.setText(PurePath(photo.path).name)
        self.name.setToolTip(theme.literal(photo.path))
        facts = [self._place] if self._place else []
        if photo.width and photo.height:
            facts.append(
                self.tr("{width} × {height} pixels").format(
                    width=words.number(photo.width), height=words.number(photo.height)
                )
            )
        facts.append(file_size(photo.size))
        if photo.kind:
            facts.append(kind_word(photo.kind))
        if photo.status == "changed":
            facts.append(self.tr("the file changed since it was read"))
        if self._extra:
            facts.append(self._extra)
        self.facts.setText("  ·  ".join(part for part in facts if part))
        if self._proposal is not None:
            text = self.tr("{label}?  Enter accepts").format(label=self._proposal.label)
        else:
            text = photo.label if photo.label is not None else self.tr("Unlabelled")
        metrics = self.label_chip.fontMetrics()
        self.label_chip.setText(theme.caption(metrics.elidedText(text, Qt.TextElideMode.ElideRight, 220)))
        self.label_chip.setAccessibleName(self.tr("Label: {name}").format(name=text))
        self.setAccessibleDescription(f"{self.name.text()}, {text}, {self.facts.text()}")

    def _say_scale(self) -> None:
        if self.view.empty:
            self.scale_text.setText("")
            return
        self.scale_text.setText(self.tr("{n} %").format(n=round(self.view.scale * 100)))
        actual = not self.view.fitted and abs(self.view.scale - 1.0) < 0.005
        self.actual_button.setChecked(actual)

    # ---------------------------------------------------------------------------------------------------------------
    # What the model receives

    def toggle_model_view(self) -> None:
        """Between the photograph and exactly what the model receives."""
        photo = self._photo
        if photo is None:
            return
        wanted = not self._model_eye
        self._model_eye = wanted
        self.eye_button.setChecked(wanted)
        if wanted:
            self.model_view_wanted.emit(photo.path)
        elif self._original is not None:
            self._extra = ""
            self.note.hide()
            self.view.show_image(*self._original)
            self._caption()
        else:
            self._load()

    def model_view_ready(self, path: str, png: str) -> None:
        """The engine wrote what the model receives; an empty `png`: it could not."""
        photo = self._photo
        if photo is None or path != photo.path or not self._model_eye:
            return
        if png:
            self._loader.request((photo.id, "model"), png)
        else:
            self._model_eye = False
            self.eye_button.setChecked(False)

    def _show_model_view(self, decoded: Decoded) -> None:
        if not self._model_eye or decoded.image.isNull():
            return
        self.note.hide()
        self.view.show_image(decoded.image, decoded.image.size(), pixelated=True)
        size = decoded.image.size()
        self._extra = self.tr("exactly what the model receives: {width} × {height}").format(
            width=size.width(), height=size.height()
        )
        self._caption()

    # ---------------------------------------------------------------------------------------------------------------
    # Hands

    def toggle_actual(self) -> None:
        """Between the whole picture and one pixel for one."""
        if self.view.fitted:
            cursor = self.view.mapFromGlobal(self.cursor().pos())
            inside = self.view.rect().contains(cursor) and self.underMouse()
            self.view.actual(QPointF(cursor) if inside else None)
        else:
            self.view.fit()
        self._say_scale()

    def copy_path(self) -> None:
        """Put the file's path on the clipboard."""
        if self._photo is not None:
            QGuiApplication.clipboard().setText(self._photo.path)

    def close_loupe(self) -> None:
        """Back to the grid."""
        self.hide()
        self._loader.keep_only(())
        self.view.clear()
        self._original = None
        self._photo = None
        self.closed.emit()

    def shut(self) -> None:
        """End the thread that reads."""
        self._loader.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step, Z and V look, 1..9 and L label, Escape and Space close."""
        key = event.key()
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if control and key == Qt.Key.Key_C:
            self.copy_path()
        elif control:
            event.ignore()
        elif key in (Qt.Key.Key_Escape, Qt.Key.Key_Space):
            self.close_loupe()
        elif key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_PageDown):
            self.stepped.emit(1)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_PageUp):
            self.stepped.emit(-1)
        elif key == Qt.Key.Key_Z:
            self.toggle_actual()
        elif key == Qt.Key.Key_V:
            self.toggle_model_view()
        elif key == Qt.Key.Key_L:
            self.label_wanted.emit()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.view.zoom(1 / NOTCH if key == Qt.Key.Key_Minus else NOTCH)
        elif Qt.Key.Key_1 <= key <= Qt.Key.Key_9:
            self.label_key.emit(int(key) - int(Qt.Key.Key_0))
        elif key == Qt.Key.Key_Delete:
            self.remove_wanted.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._proposal is not None:
                self.accepted.emit()
            else:
                self.close_loupe()
        else:
            event.accept()  # nothing below the loupe is meant

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes round inside the loupe."""
        stops: list[QWidget] = [self, *self._buttons()]
        focus = self.focusWidget()
        here = stops.index(focus) if focus in stops else 0
        stops[(here + (1 if forward else -1)) % len(stops)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def _buttons(self) -> list[QAbstractButton]:
        return [
            self.label_chip, self.actual_button, self.eye_button, self.copy_button, self.previous, self.next,
            self.close_button,
        ]  # fmt: skip

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Cover the parent, whatever size it has."""
        if watched is self._over and event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self._over.rect())
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the cross in its corner and the words in the middle."""
        super().resizeEvent(event)
        self.close_button.adjustSize()
        self.close_button.move(self.width() - self.close_button.width() - 8, 8)
        self.close_button.raise_()
        if self.note.isVisible():
            self.note.setGeometry(self.view.geometry().adjusted(80, 0, -80, 0))

    def paintEvent(self, event: QPaintEvent) -> None:
        """A plain ground, so that nothing competes with the picture."""
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(theme.colours().ground))
        painter.end()


def file_size(count: int) -> str:
    """Return a number of bytes in plain words, "2.4 MB"; an empty string where it is not known."""
    if count <= 0:
        return ""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.0f} KB"
    return f"{count / 1_000_000:.1f} MB"
