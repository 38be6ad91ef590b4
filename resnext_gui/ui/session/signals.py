"""What a session tells: the one list of signals, for the session itself and for what stands in for it in tests."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal


class SessionSignals(QObject):
    """The signals of `session.Session`.  Those without arguments say that something should be asked for anew."""

    photos_changed = Signal()
    labels_changed = Signal()
    runs_changed = Signal()
    model_changed = Signal()
    undo_changed = Signal()
    thumbnail_ready = Signal(int, str)
    """A photograph's number, and the file of its thumbnail."""
    work_changed = Signal(object)
    """`state.Work`, or None when nothing is being done."""
    import_finished = Signal(object)
    """The receipt of an import."""
    reconciled = Signal(object)
    """How the project and the disk differ."""
    quick_changed = Signal(object)
    """`state.QuickState`."""
    training_changed = Signal(object)
    """`state.TrainingState`."""
    batch_point = Signal(object)
    epoch_line = Signal(object)
    answered = Signal(object)
    """A `messages.Answer`."""
    refused = Signal(object)
    """A `messages.Refused`."""
    classify_changed = Signal(int, int)
    """How many pictures have been answered, of how many."""
    evaluation_ready = Signal(object)
    evaluation_failed = Signal(object)
    model_view_ready = Signal(str, str)
    device_changed = Signal(object)
    """`state.Device`."""
    problem = Signal(object)
    """A `state.Problem` that a person has to read."""
    navigate = Signal(str)
    """The key of the page to turn to."""
    name_changed = Signal(str)
    back = Signal()
    """The project can be reached again after a `problem` said that it could not."""
