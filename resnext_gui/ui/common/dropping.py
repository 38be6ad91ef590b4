"""What a drop or a paste from another program brings."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QImage

_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]+;base64,([A-Za-z0-9+/=\s]+)", re.IGNORECASE)


@dataclass(slots=True)
class Dropped:
    """Paths of files and folders on this computer, a picture without a file, or addresses without either."""

    paths: list[str] = field(default_factory=list)
    image: QImage | None = None
    addresses: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether it brings nothing that could be used or explained."""
        return not self.paths and self.image is None and not self.addresses


def is_welcome(data: QMimeData) -> bool:
    """Whether it is worth to show where it can be dropped.  Reads no content: asked while the mouse moves."""
    if data.hasUrls() or data.hasImage():
        return True
    return any(name.startswith("image/") for name in data.formats())


def read(data: QMimeData) -> Dropped:
    """Return what `data` brings.  Files win over pictures, pictures over addresses."""
    found = Dropped()
    for url in data.urls():
        if url.isLocalFile():
            found.paths.append(url.toLocalFile())
        elif url.scheme() in ("http", "https", "ftp"):
            found.addresses.append(url.toString())
        elif url.scheme() == "data" and found.image is None:
            found.image = _from_data_url(url.toString())
    if not found.paths and found.image is None:
        found.image = _picture(data)
    return found


def _picture(data: QMimeData) -> QImage | None:
    if data.hasImage():
        image = data.imageData()
        if isinstance(image, QImage) and not image.isNull():
            return image
        if image is not None and hasattr(image, "toImage"):
            return QImage(image.toImage())
    for name in data.formats():
        if name.startswith("image/"):
            image = QImage.fromData(data.data(name))
            if not image.isNull():
                return image
    return _from_data_url(data.html()) if data.hasHtml() else None


def _from_data_url(text: str) -> QImage | None:
    match = _DATA_URL.search(text)
    if match is None:
        return None
    try:
        image = QImage.fromData(base64.b64decode(match[1], validate=False))
    except (binascii.Error, ValueError):
        return None
    return None if image.isNull() else image
