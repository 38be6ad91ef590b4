"""What an import brought, and where its labels came from; and what changed on the disk since."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QHBoxLayout, QPushButton, QRadioButton, QVBoxLayout, QWidget

from resnext_gui.messages import COLUMN
from resnext_gui.ui.common import theme, words
from resnext_gui.ui.common.notice import Notice

RULES = ("last", "first", "name", "csv", "none")
EXAMPLES = 4
NOTES = 8
"""So many findings are shown; the check-up on the command line lists all."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("receipt", text)


def rule_words(rule: str) -> str:
    """Return where labels come from in words, "last folder level"; `rule` may be what auto became: "auto->last"."""
    if plain_rule(rule).startswith(COLUMN):
        return _tr("column {name}").format(name=plain_rule(rule)[len(COLUMN) :])
    return {
        "last": _tr("last folder level"),
        "first": _tr("first folder level"),
        "name": _tr("file name"),
        "csv": _tr("table (CSV)"),
        "none": _tr("nowhere: leave unlabelled"),
    }.get(plain_rule(rule), "")


def plain_rule(rule: str) -> str:
    """Return the rule that was used: "last" for "auto->last"."""
    return rule if rule.startswith(COLUMN) else rule.rsplit(">", 1)[-1].strip()


def labels_count(count: int) -> str:
    """Return "1 label" or "12 labels"."""
    return _tr("1 label") if count == 1 else _tr("{n} labels").format(n=words.number(count))


def used_rule(receipt: dict[str, Any]) -> str:
    """Return the rule that gave the receipt's labels, as its readings call it."""
    return str(receipt.get("auto") or plain_rule(str(receipt.get("rule") or "")))


def readings(receipt: dict[str, Any]) -> str:
    """Return what is read and what could be read as well; empty where there is one reading.

    "Labels read from: last folder level, new (12), old (12). They could also be read from: first folder level, ..."
    """
    doubts = [str(rule) for rule in receipt.get("doubts") or []]
    if len(doubts) < 2:
        return ""
    rules = receipt.get("rules") or {}

    def way(rule: str) -> str:
        labels = _labels_counted([row for row in rules.get(rule) or [] if row[0]])
        return f"{rule_words(rule)}, {labels}" if labels else rule_words(rule)

    others = "; ".join(way(rule) for rule in doubts[1:4])
    return _tr("Labels read from: {used}. They could also be read from: {others}.").format(
        used=way(doubts[0]), others=others
    )


def sentence(receipt: dict[str, Any]) -> str:
    """Return the receipt in a sentence: "12 labels from the last folder level, 4,000 photographs, 3 unreadable"."""
    labels = receipt.get("labels") or []
    new = int(receipt.get("photographs") or 0)
    known = int(receipt.get("duplicates") or 0)
    parts = []
    rule = plain_rule(str(receipt.get("rule") or ""))
    where = {
        "last": _tr("{labels} from the last folder level"),
        "first": _tr("{labels} from the first folder level"),
        "name": _tr("{labels} from the file names"),
        "csv": _tr("{labels} from the table"),
    }.get(rule, _tr("{labels} from the table") if rule.startswith(COLUMN) else "{labels}")
    if labels:
        parts.append(where.format(labels=labels_count(len(labels))))
    parts.append(words.photographs(new) if new or not known else _tr("no new photographs"))
    unlabelled = int(receipt.get("unlabelled") or 0)
    if unlabelled:
        parts.append(_tr("{n} unlabelled").format(n=words.number(unlabelled)))
    if known:
        parts.append(_tr("{n} already here").format(n=words.number(known)))
    parts += followed(receipt)
    bad = int(receipt.get("unreadable_count") or 0)
    if bad:
        parts.append(_tr("{n} unreadable").format(n=words.number(bad)))
    return ", ".join(parts)


def followed(told: dict[str, Any]) -> list[str]:
    """Return what became of photographs that the project knew, in words: "80 are back"; from a receipt or from news."""
    texts = {
        "back": (_tr("1 is back"), _tr("{n} are back")),
        "moved": (_tr("1 was moved"), _tr("{n} were moved")),
        "labelled": (_tr("1 has a label now"), _tr("{n} have a label now")),
        "relabelled": (_tr("1 has the label of its folder now"), _tr("{n} have the label of their folder now")),
        "disagree": (_tr("1 keeps the label given here"), _tr("{n} keep the label given here")),
    }
    counts = {key: int(told.get(key) or 0) for key in texts}
    return [
        one if counts[key] == 1 else many.format(n=words.number(counts[key]))
        for key, (one, many) in texts.items()
        if counts[key]
    ]


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
        self._one_other = False
        self.show_button = self.add_button(self.tr("Show"), self.show_wanted.emit)
        self.show_button.setAccessibleName(self.tr("Show the files that could not be read"))
        self.rule_button = self.add_button("", self._toggle_rules)
        self.rule_button.setCheckable(True)
        self.other_button = self.add_button(self.tr("Use the other reading"), self._take_other)
        self.undo_button = self.add_button(self.tr("Undo"), self.undo_wanted.emit)
        self.undo_button.setAccessibleName(self.tr("Undo this import"))
        self.add_close(self.closed.emit)
        self.notes = theme.label("", "quiet", wrap=True)
        self.notes.setContentsMargins(28, 0, 8, 0)
        self.notes.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.body.addWidget(self.notes)
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
        doubt = readings(receipt) if can_choose and not empty else ""
        text = f"{text}. {doubt}".rstrip()
        without = not receipt.get("labels") and receipt.get("warnings")  # these say why there are no labels
        caution = doubt or (empty and (bad or not receipt.get("duplicates"))) or (not empty and without)
        self.say(text, "caution" if caution else "good")
        self._show_notes([str(note) for note in receipt.get("warnings") or []])
        self.show_button.setVisible(bad > 0)
        rule = rule_words(used_rule(receipt))
        self.rule_button.setVisible(can_choose and bool(rule) and not empty)
        self.rule_button.setText(theme.caption(self.tr("Labels from: {rule}").format(rule=rule)))
        theme.keep_icon(self.rule_button, "chevron-down", "accent", 14)
        # Where two readings are possible both are seen at once.
        self.rule_button.setChecked(bool(doubt))
        self.rules.setVisible(bool(doubt))
        if doubt:
            self._asked = True
            self.set_preview(receipt)
        self._one_other = bool(doubt) and len(receipt["doubts"]) == 2
        self.set_can_undo(can_undo and not empty)
        self.show()

    def _show_notes(self, notes: list[str]) -> None:
        lines = [f"• {note}" for note in notes[:NOTES]]
        if len(notes) > NOTES:
            lines.append(self.tr("and {n} more").format(n=words.number(len(notes) - NOTES)))
        self.notes.setText("\n".join(lines))
        self.notes.setVisible(bool(lines))

    def set_can_undo(self, possible: bool) -> None:
        """Offer to take the import back only while it is the last thing that was done."""
        self.undo_button.setVisible(possible)
        self.other_button.setVisible(possible and self._one_other)
        self.rules.set_possible(possible)

    def set_preview(self, result: dict[str, Any]) -> None:
        """Show what each rule would give, as ``preview_job`` returns it."""
        self.rules.set_preview(result, used_rule(self._receipt))

    def _toggle_rules(self) -> None:
        shown = self.rule_button.isChecked()
        self.rules.setVisible(shown)
        if shown and not self._asked:
            self._asked = True
            self.rules.wait()
            self.preview_wanted.emit()

    def _take_other(self) -> None:
        self._accept(str(self._receipt["doubts"][1]))

    def _accept(self, rule: str) -> None:
        self.rule_button.setChecked(False)
        self.rules.hide()
        if rule != used_rule(self._receipt):
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
        theme.clear(self.grid)

    def set_preview(self, result: dict[str, Any], used: str) -> None:
        """Show the rules; `used` is the one in force."""
        self._clear()
        self.waiting.hide()
        if result.get("error"):
            self.waiting.setText(str(result["error"]))
            self.waiting.show()
            return
        rules = result.get("rules") or {}
        known = [*(rule for rule in rules if rule.startswith(COLUMN)), *RULES]
        rows = [rule for rule in known if any(row[0] for row in rules.get(rule) or []) or rule in (used, "none")]
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
    """Return what a rule gives: "3 labels: good (12), rust (9), scratch (4)"."""
    named = [row for row in labels if row[0]]
    return f"{labels_count(len(named))}: {_labels_counted(named)}" if named else ""


def _labels_counted(labels: list[Any]) -> str:
    shown = ", ".join(f"{row[0]} ({words.number(int(row[1]))})" for row in labels[:EXAMPLES])
    return shown + ("…" if len(labels) > EXAMPLES else "")


class DiskNews(Notice):
    """What changed on the disk since the project was last open."""

    apply_wanted = Signal()
    gone_wanted = Signal()
    disagree_wanted = Signal()
    """Show the photographs whose label was given by hand and of which the disk says something else now."""
    given_up = Signal()
    """What is out of reach is gone, says the person."""
    undo_wanted = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("info", parent)
        self.review_button = self.add_button(self.tr("Review"), self._toggle)
        self.review_button.setCheckable(True)
        self.undo_button = self.add_button(self.tr("Undo"), self.undo_wanted.emit)
        self.undo_button.setAccessibleName(self.tr("Undo the new labels"))
        self.add_close(self.closed.emit)
        self.details = QWidget()
        self.apply_button = QPushButton(self.tr("Bring the project up to date"))
        self.apply_button.setProperty("role", "primary")
        self.apply_button.clicked.connect(lambda: self.apply_wanted.emit())
        self.gone_button = QPushButton(self.tr("Show what is gone"))
        self.gone_button.setProperty("role", "plain")
        self.gone_button.clicked.connect(lambda: self.gone_wanted.emit())
        self.disagree_button = QPushButton(self.tr("Show where the disk says otherwise"))
        self.disagree_button.setProperty("role", "plain")
        self.disagree_button.clicked.connect(lambda: self.disagree_wanted.emit())
        self.give_up_button = QPushButton(self.tr("These photographs are gone for good"))
        self.give_up_button.setProperty("role", "plain")
        self.give_up_button.clicked.connect(lambda: self.given_up.emit())
        self.examples = theme.label("", "quiet", wrap=True)
        row = QHBoxLayout()
        row.addWidget(self.apply_button)
        row.addWidget(self.gone_button)
        row.addWidget(self.disagree_button)
        row.addWidget(self.give_up_button)
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
        disagree, relabelled = int(result.get("disagree") or 0), int(result.get("relabelled") or 0)
        away = [str(path) for path in result.get("unreachable") or []]
        returned = [str(path) for path in result.get("returned") or []]
        parts = []
        if new:
            parts.append(self.tr("{n} new").format(n=words.number(new)))
        if gone:
            parts.append(self.tr("{n} gone").format(n=words.number(gone)))
        if changed:
            parts.append(self.tr("{n} changed").format(n=words.number(changed)))
        parts += followed(result)
        sentences = [", ".join(parts) + "."] if parts else []
        if returned:
            sentences.append(self.tr("{place} is reachable again.").format(place=returned[0]))
        if away:
            first = self.tr("{place} is not reachable. Its photographs stay in the project.").format(place=away[0])
            sentences.append(first)
        if not sentences:
            self.hide()
            return False
        self.say(" ".join(sentences), "caution" if away else "info")
        self.review_button.setVisible(bool(new or gone or changed or disagree or away))
        self.review_button.setChecked(False)
        self.undo_button.setVisible(bool(relabelled))
        self.details.hide()
        self.apply_button.setVisible(bool(new or changed))
        self.gone_button.setVisible(bool(gone))
        self.disagree_button.setVisible(bool(disagree))
        self.give_up_button.setVisible(bool(away))
        self.examples.setText(self._examples(result))
        self.show()
        return True

    def _examples(self, result: dict[str, Any]) -> str:
        titles = {"new": self.tr("New"), "gone": self.tr("Gone"), "changed": self.tr("Changed")}
        lines = [
            self.tr("{place} is not reachable. Its photographs stay in the project.").format(place=path)
            for path in list(result.get("unreachable") or [])[1:]
        ]
        for key, title in titles.items():
            paths = [str(path) for path in (result.get("examples") or {}).get(key) or []]
            if paths:
                more = int(result.get(key) or 0) - len(paths[:EXAMPLES])
                tail = self.tr(" and {n} more").format(n=words.number(more)) if more > 0 else ""
                lines.append(f"{title}: " + ", ".join(paths[:EXAMPLES]) + tail)
        return "\n".join(lines)

    def _toggle(self) -> None:
        self.details.setVisible(self.review_button.isChecked())
