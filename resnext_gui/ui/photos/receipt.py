"""What an import brought, and where its labels came from; and what changed on the disk since."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QHBoxLayout, QPushButton, QRadioButton, QVBoxLayout, QWidget

from resnext_gui.ui.common import theme, words
from resnext_gui.ui.common.notice import Notice

RULES = ("last", "first", "name", "csv", "none")
EXAMPLES = 4


def _tr(text: str) -> str:
    return QCoreApplication.translate("receipt", text)


def rule_words(rule: str) -> str:
    """Return where labels come from in words, "last folder level"; `rule` may be what auto became: "auto->last"."""
    return {
        "last": _tr("last folder level"),
        "first": _tr("first folder level"),
        "name": _tr("file name"),
        "csv": _tr("table (CSV)"),
        "none": _tr("nowhere: leave unlabelled"),
    }.get(plain_rule(rule), "")


def plain_rule(rule: str) -> str:
    """Return the rule that was used: "last" for "auto->last"."""
    return rule.rsplit(">", 1)[-1].strip()


def labels_count(count: int) -> str:
    """Return "1 label" or "12 labels"."""
    return _tr("1 label") if count == 1 else _tr("{n} labels").format(n=words.number(count))


def sentence(receipt: dict[str, Any]) -> str:
    """Return the receipt in a sentence: "12 labels from the last folder level, 4,000 photographs, 3 unreadable"."""
    labels = receipt.get("labels") or []
    new = int(receipt.get("photographs") or 0)
    known = int(receipt.get("duplicates") or 0)
    parts = []
    where = {
        "last": _tr("{labels} from the last folder level"),
        "first": _tr("{labels} from the first folder level"),
        "name": _tr("{labels} from the file names"),
        "csv": _tr("{labels} from the table"),
    }.get(plain_rule(str(receipt.get("rule") or "")), "{labels}")
    if labels:
        parts.append(where.format(labels=labels_count(len(labels))))
    parts.append(words.photographs(new) if new or not known else _tr("no new photographs"))
    unlabelled = int(receipt.get("unlabelled") or 0)
    if unlabelled:
        parts.append(_tr("{n} unlabelled").format(n=words.number(unlabelled)))
    if known:
        parts.append(_tr("{n} already here").format(n=words.number(known)))
    bad = int(receipt.get("unreadable_count") or 0)
    if bad:
        parts.append(_tr("{n} unreadable").format(n=words.number(bad)))
    return ", ".join(parts)


class Receipt(Notice):
    """Tells what an import brought; can take it back, or read the labels from elsewhere."""

    show_wanted = Signal()
    """Show the files that could not be read."""
    undo_wanted = Signal()
    preview_wanted = Signal()
    """Ask what the other rules would give; answer by `set_preview`."""
    rule_wanted = Signal(str)
    """Take the import back and read the labels by this rule."""
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("good", parent)
        self._receipt: dict[str, Any] = {}
        self._asked = False
        self.show_button = self.add_button(self.tr("Show"), self.show_wanted.emit)
        self.show_button.setAccessibleName(self.tr("Show the files that could not be read"))
        self.rule_button = self.add_button("", self._toggle_rules)
        self.rule_button.setCheckable(True)
        self.undo_button = self.add_button(self.tr("Undo"), self.undo_wanted.emit)
        self.undo_button.setAccessibleName(self.tr("Undo this import"))
        self.add_close(self.closed.emit)
        self.rules = _Rules()
        self.rules.hide()
        self.rules.accepted.connect(self._accept)
        self.body.addWidget(self.rules)

    def show_receipt(self, receipt: dict[str, Any], *, can_choose: bool, can_undo: bool = True) -> None:
        """Show what an import brought.

        Args:
            receipt: as ``scan_job`` returns it.
            can_choose: whether its sources are known, so that labels could be read by another rule.
            can_undo: whether the import is the last thing that can be undone.
        """
        self._receipt = receipt
        self._asked = False
        bad = int(receipt.get("unreadable_count") or 0)
        empty = not int(receipt.get("photographs") or 0)
        text = sentence(receipt)
        notes = [str(note) for note in receipt.get("warnings") or []]
        text += "." + ("" if not notes else " " + " ".join(notes[:3]))
        self.say(text, "caution" if empty and (bad or not receipt.get("duplicates")) else "good")
        self.show_button.setVisible(bad > 0)
        rule = rule_words(str(receipt.get("rule") or ""))
        self.rule_button.setVisible(can_choose and bool(rule) and not empty)
        self.rule_button.setText(theme.caption(self.tr("Labels from: {rule}").format(rule=rule)))
        theme.keep_icon(self.rule_button, "chevron-down", "accent", 14)
        self.rule_button.setChecked(False)
        self.rules.hide()
        self.set_can_undo(can_undo and not empty)
        self.show()

    def set_can_undo(self, possible: bool) -> None:
        """Offer to take the import back only while it is the last thing that was done."""
        self.undo_button.setVisible(possible)
        self.rules.set_possible(possible)

    def set_preview(self, result: dict[str, Any]) -> None:
        """Show what each rule would give, as ``preview_job`` returns it."""
        self.rules.set_preview(result, plain_rule(str(self._receipt.get("rule") or "")))

    def _toggle_rules(self) -> None:
        shown = self.rule_button.isChecked()
        self.rules.setVisible(shown)
        if shown and not self._asked:
            self._asked = True
            self.rules.wait()
            self.preview_wanted.emit()

    def _accept(self, rule: str) -> None:
        self.rule_button.setChecked(False)
        self.rules.hide()
        if rule != plain_rule(str(self._receipt.get("rule") or "")):
            self.rule_wanted.emit(rule)


class _Rules(QWidget):
    """One line for each place labels could come from, with what it would give."""

    accepted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._possible = True
        self._buttons: dict[str, QRadioButton] = {}
        self.waiting = theme.label(self.tr("Looking at the folders..."), "quiet")
        self.grid = QGridLayout()
        self.grid.setColumnStretch(1, 1)
        self.grid.setHorizontalSpacing(16)
        self.grid.setVerticalSpacing(2)
        self.use = QPushButton(self.tr("Read the labels from here"))
        self.use.setProperty("role", "primary")
        self.use.clicked.connect(lambda: self.accepted.emit(self.chosen()))
        self.hint = theme.label("", "quiet")
        bottom = QHBoxLayout()
        bottom.addWidget(self.use)
        bottom.addWidget(self.hint, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 0, 8, 4)
        column.setSpacing(8)
        column.addWidget(self.waiting)
        column.addLayout(self.grid)
        column.addLayout(bottom)

    def wait(self) -> None:
        """Say that the answer is on its way."""
        self._clear()
        self.waiting.show()
        self.use.hide()
        self.hint.hide()

    def _clear(self) -> None:
        for button in self._buttons.values():
            self._group.removeButton(button)
        self._buttons.clear()
        while self.grid.count():
            item = self.grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def set_preview(self, result: dict[str, Any], used: str) -> None:
        """Show the rules; `used` is the one in force."""
        self._clear()
        self.waiting.hide()
        if result.get("error"):
            self.waiting.setText(str(result["error"]))
            self.waiting.show()
            return
        rules = result.get("rules") or {}
        rows = [rule for rule in RULES if rules.get(rule) or rule in (used, "none")]
        for place, rule in enumerate(rows):
            button = QRadioButton(theme.caption(rule_words(rule)))
            button.setChecked(rule == used)
            self._group.addButton(button)
            self._buttons[rule] = button
            self.grid.addWidget(button, place, 0)
            self.grid.addWidget(theme.label(_gives(rules.get(rule) or []), "quiet"), place, 1)
        self._group.buttonToggled.connect(self._choice_changed)
        self.use.show()
        self.hint.show()
        self._used = used
        self._choice_changed()

    def chosen(self) -> str:
        """Return the rule that is marked."""
        return next((rule for rule, button in self._buttons.items() if button.isChecked()), "")

    def set_possible(self, possible: bool) -> None:
        """Whether the import can still be taken back."""
        self._possible = possible
        if self._buttons:
            self._choice_changed()

    def _choice_changed(self) -> None:
        other = bool(self._buttons) and self.chosen() != self._used
        self.use.setEnabled(other and self._possible)
        if not self._possible:
            self.hint.setText(self.tr("Something was changed since; undo that first."))
        elif other:
            self.hint.setText(self.tr("Takes this import back and reads it again."))
        else:
            self.hint.setText("")

    _used = ""


def _gives(labels: list[Any]) -> str:
    """Return what a rule gives: "3 labels: good, rust, scratch"."""
    if not labels:
        return ""
    names = [str(row[0]) for row in labels[:EXAMPLES]]
    text = labels_count(len(labels)) + ": " + ", ".join(names)
    return text + ("…" if len(labels) > EXAMPLES else "")


class DiskNews(Notice):
    """What changed on the disk since the project was last open."""

    apply_wanted = Signal()
    gone_wanted = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("info", parent)
        self.review_button = self.add_button(self.tr("Review"), self._toggle)
        self.review_button.setCheckable(True)
        self.add_close(self.closed.emit)
        self.details = QWidget()
        self.apply_button = QPushButton(self.tr("Bring the project up to date"))
        self.apply_button.setProperty("role", "primary")
        self.apply_button.clicked.connect(lambda: self.apply_wanted.emit())
        self.gone_button = QPushButton(self.tr("Show what is gone"))
        self.gone_button.setProperty("role", "plain")
        self.gone_button.clicked.connect(lambda: self.gone_wanted.emit())
        self.examples = theme.label("", "quiet", wrap=True)
        row = QHBoxLayout()
        row.addWidget(self.apply_button)
        row.addWidget(self.gone_button)
        row.addStretch(1)
        column = QVBoxLayout(self.details)
        column.setContentsMargins(28, 0, 8, 4)
        column.setSpacing(8)
        column.addWidget(self.examples)
        column.addLayout(row)
        self.details.hide()
        self.body.addWidget(self.details)

    def show_news(self, result: dict[str, Any]) -> bool:
        """Show what reconciling found; returns whether there is anything to tell."""
        new, gone, changed = (int(result.get(key) or 0) for key in ("new", "gone", "changed"))
        away = [str(path) for path in result.get("unreachable") or []]
        if not (new or gone or changed or away):
            self.hide()
            return False
        parts = []
        if new:
            parts.append(self.tr("{n} new").format(n=words.number(new)))
        if gone:
            parts.append(self.tr("{n} gone").format(n=words.number(gone)))
        if changed:
            parts.append(self.tr("{n} changed").format(n=words.number(changed)))
        text = ", ".join(parts)
        if away:
            first = self.tr("{place} is not reachable. Its photographs stay in the project.").format(place=away[0])
            text = f"{text}. {first}" if text else first
        elif text:
            text += "."
        self.say(text, "caution" if away else "info")
        self.review_button.setVisible(bool(new or gone or changed))
        self.review_button.setChecked(False)
        self.details.hide()
        self.apply_button.setVisible(bool(new or changed))
        self.gone_button.setVisible(bool(gone))
        self.examples.setText(self._examples(result))
        self.show()
        return True

    def _examples(self, result: dict[str, Any]) -> str:
        titles = {"new": self.tr("New"), "gone": self.tr("Gone"), "changed": self.tr("Changed")}
        lines = []
        for key, title in titles.items():
            paths = [str(path) for path in (result.get("examples") or {}).get(key) or []]
            if paths:
                more = int(result.get(key) or 0) - len(paths[:EXAMPLES])
                tail = self.tr(" and {n} more").format(n=words.number(more)) if more > 0 else ""
                lines.append(f"{title}: " + ", ".join(paths[:EXAMPLES]) + tail)
        return "\n".join(lines)

    def _toggle(self) -> None:
        self.details.setVisible(self.review_button.isChecked())
