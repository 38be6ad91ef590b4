"""The strip over photographs of which the disk says another label than the person did."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from resnext_gui.ui.common import words
from resnext_gui.ui.common.notice import Notice

NAMED = 4
"""So many labels are named."""


class DisagreeLine(Notice):
    """Says what the disk says, and offers to take it or to leave it."""

    take_wanted = Signal()
    """Give the selected photographs, or all, the label of their folder or table."""
    keep_wanted = Signal()
    """Keep the labels of the selected photographs, or of all, whatever the disk says."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("info", parent)
        self.take_button = self.add_button(self.tr("Take the folder's label"), self.take_wanted.emit)
        self.keep_button = self.add_button(self.tr("Keep these labels"), self.keep_wanted.emit)
        self.hide()

    def show_names(self, count: int, names: Sequence[str]) -> None:
        """Say what the disk says: `names` are its labels for the `count` photographs shown."""
        listed = ", ".join(names[:NAMED]) + ("…" if len(names) > NAMED else "")
        text = (
            self.tr("The label of this photograph was given here; its folder or table says: {names}.")
            if count == 1
            else self.tr("The labels of these {n} were given here; their folders or tables say: {names}.")
        )
        self.say(text.format(n=words.number(count), names=listed))
        self.show()
