"""What the tests of the Photos page share: pictures, a project that holds them, and a session that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter

from resnext_gui.messages import Finished, Message, Source, ThumbnailReady, Thumbnails
from resnext_gui.project import NewPhoto, Project
from tests.ui.fake_session import FakeSession

PER_LABEL = 6
LABELS = ("daisy", "rose", "tulip")


def draw(path: Path, hue: int, width: int = 64, height: int = 48) -> Path:
    """Write a small picture: one colour, with a white mark in its upper left corner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor.fromHsv(hue % 360, 200, 200))
    painter = QPainter(image)
    painter.fillRect(QRect(0, 0, width // 8, height // 8), QColor("white"))
    painter.end()
    assert image.save(str(path))
    return path


def fill(project: Project, root: Path, loose: int = 3, per_label: int = PER_LABEL) -> None:
    """Put labelled, unlabelled, unreadable and gone photographs into `project`, as one import."""
    import_id = project.begin_import("Add photographs")
    source = project.add_source(Source(str(root)), import_id)
    photos = []
    for number, label in enumerate(LABELS):
        files = [root / label / f"{label} {index}.png" for index in range(per_label)]
        photos += [row(draw(file, 120 * number + 5 * index), label) for index, file in enumerate(files)]
    photos += [row(draw(root / f"loose {index}.png", 300 + index), None) for index in range(loose)]
    photos.append(NewPhoto(str(root / "rose" / "torn.jpg"), 3, 1, label="rose", status="unreadable", reason="It ends."))
    project.add_photos(photos, source, import_id)
    project.finish_import(import_id, f"Add {len(photos) - 1} photographs")


def row(path: Path, label: str | None) -> NewPhoto:
    """Return what a scan would have learnt about a picture."""
    fact = path.stat()
    return NewPhoto(str(path), fact.st_size, fact.st_mtime_ns, f"{path.name}-hash", 64, 48, label)


class PhotosSession(FakeSession):
    """Makes thumbnails, as the engine would."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self.assistant.answers[Thumbnails] = self._thumbnails

    def _thumbnails(self, command: Thumbnails) -> Iterator[Message]:
        for photo in self.project.photos(command.photo_ids):
            place = self.project.cache / "thumbs" / f"{photo.id}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            made = QImage(photo.path).save(str(place))
            yield ThumbnailReady("", photo.id, str(place) if made else "")
        yield Finished("", {})


def names(project: Project, ids: Iterable[int]) -> list[str]:
    """Return the file names of photographs."""
    return [Path(photo.path).name for photo in project.photos(ids)]


def receipt(**fields: Any) -> dict[str, Any]:
    """Return an import receipt."""
    return {
        "import_id": 1,
        "labels": [["daisy", 6], ["rose", 6], ["tulip", 6]],
        "photographs": 21,
        "unlabelled": 3,
        "duplicates": 0,
        "unreadable": [],
        "unreadable_count": 1,
        "passed_over": 0,
        "rule": "auto->last",
        "warnings": [],
        **fields,
    }
