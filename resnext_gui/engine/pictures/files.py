"""Which files may be pictures, and opening them without ever waiting for a pipe or a device."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import IO

from resnext_gui.messages import UserError

PathLike = str | os.PathLike[str]

PICTURE_SUFFIXES = frozenset(
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".mpo",
        ".png", ".apng", ".webp", ".avif", ".avifs", ".bmp", ".dib", ".gif",
        ".tif", ".tiff", ".heic", ".heif", ".hif", ".heics", ".heifs", ".jp2", ".j2k", ".jpf", ".jpx", ".j2c",
        ".ppm", ".pgm", ".pbm", ".pnm", ".qoi", ".tga",
    }
)  # fmt: skip

RAW_SUFFIXES = frozenset(
    {
        ".raw", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".dng", ".gpr", ".orf", ".rw2", ".rwl",
        ".raf", ".pef", ".srw", ".x3f", ".3fr", ".fff", ".iiq", ".mos", ".mef", ".mrw", ".erf", ".kdc", ".dcr",
    }
)  # fmt: skip
"""What cameras write beside, or in place of, a JPEG."""

OTHER_SUFFIXES = RAW_SUFFIXES | {
    ".psd", ".psb", ".xcf", ".eps", ".ps", ".ai", ".svg", ".ico", ".icns", ".cur", ".pcx", ".dcx", ".sgi", ".rgb",
    ".bw", ".ras", ".xbm", ".xpm", ".dds", ".exr", ".hdr", ".jxl", ".wmf", ".emf", ".fits", ".fit", ".dcm",
}  # fmt: skip
"""Pictures too, but in formats that are not read: these are refused by name and not passed over."""

NO_PICTURE_SUFFIXES = frozenset(
    {
        ".txt", ".text", ".md", ".rst", ".log", ".json", ".jsonl", ".geojson", ".xml", ".csv", ".tsv", ".tab",
        ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".names", ".html", ".htm", ".mhtml", ".css", ".js", ".ts",
        ".py", ".pyc", ".ipynb", ".r", ".m", ".c", ".h", ".cpp", ".java", ".sh", ".bat", ".ps1", ".cmd", ".tex",
        ".bib", ".srt", ".vtt", ".pdf", ".doc", ".docx", ".odt", ".rtf", ".xls", ".xlsx", ".xlsm", ".xlsb", ".ods",
        ".numbers", ".pages", ".key", ".ppt", ".pptx", ".odp", ".epub", ".pub", ".zip", ".tar", ".gz", ".tgz",
        ".bz2", ".xz", ".zst", ".7z", ".rar", ".iso", ".dmg", ".jar", ".cab", ".deb", ".rpm", ".exe", ".dll", ".so",
        ".dylib", ".msi", ".apk", ".app", ".mp4", ".mov", ".avi", ".mkv", ".wmv", ".flv", ".webm", ".m4v", ".mpg",
        ".mpeg", ".mts", ".m2ts", ".3gp", ".mp3", ".wav", ".aac", ".flac", ".ogg", ".m4a", ".aiff", ".thm", ".lrv",
        ".xmp", ".aae", ".dop", ".pp3", ".on1", ".lrcat", ".cos", ".nksc", ".db", ".sqlite", ".sqlite3", ".lnk",
        ".url", ".webloc", ".torrent", ".npy", ".npz", ".pkl", ".pickle", ".h5", ".hdf5", ".mat", ".parquet",
        ".feather", ".arrow", ".tfrecord", ".tfrecords", ".rec", ".idx", ".lst", ".lmdb", ".mdb", ".pt", ".pth",
        ".onnx", ".tflite", ".keras", ".safetensors", ".ckpt", ".pb", ".weights", ".tmp", ".temp", ".part",
        ".partial", ".crdownload", ".download", ".opdownload", ".bak", ".swp", ".lock", ".cache",
    }
)  # fmt: skip
"""What is certainly no photograph, or a small or unfinished one: never looked into."""

_SIDE_NAMES = {
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin",
    "system volume information", "lost+found", "icon\r", "folder.ini", "picasa.ini", "#recycle", "@recycle", "recycler",
    "recycled", "#snapshot", "@tmp", "found.000", "thumbs", "@__thumb",
}  # fmt: skip

_SYSTEM_DOTS = re.compile(
    r"\.(_.*|ds_store|thumbnails?|thumb|@__thumb|@__qini|@upload_cache|ipynb_checkpoints|git.*|svn|hg|cache|trash.*|"
    r"trashes|fseventsd|spotlight-.*|documentrevisions-.*|temporaryitems|apple.*|dropbox.*|stfolder|stversions|"
    r"picasaoriginals|venv|vscode|idea|sync.*|tmp.*|nomedia|directory|localized|volumeicon.*|keep|gitkeep|hidden)",
    re.IGNORECASE,
)

MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP|GIF8[79]a|II\*\x00|MM\x00\*|II\+\x00|MM\x00\+|BM....\x00\x00\x00\x00"
    rb"|....ftyp(?:avif|avis|heic|heix|heif|hevc|hevx|heim|heis|mif1|msf1)"
    rb"|\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51|qoif",
    re.DOTALL,
)


DRIVE_ERRORS = frozenset(
    getattr(errno, name)
    for name in (
        "EIO", "ENXIO", "ENODEV", "ESTALE", "ETIMEDOUT", "ENOTCONN", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN",
        "ENETUNREACH", "EREMOTEIO", "ECONNRESET", "EPIPE",
    )
    if hasattr(errno, name)
)  # fmt: skip
"""What a failing drive says.  Decoders of damaged files raise other numbers, say for a jump before the beginning."""


class ImageError(UserError):
    """A file that cannot be used as a picture.  The message names it.

    Codes: ``missing``, ``vanished``, ``folder``, ``pipe``, ``empty``, ``no_permission``, ``unreadable`` (the drive
    failed), ``not_a_picture``, ``unsupported``, ``broken``, ``too_large``, ``no_memory``, ``crashes_reader``,
    ``changed`` (another content than the one asked for).
    """


def is_side_file(name: str) -> bool:
    """Tell whether a file of this name is a system's own, or hidden, and so is no photograph of a person."""
    return name.startswith(".") or name.lower() in _SIDE_NAMES


def is_system_file(name: str) -> bool:
    """Tell whether a file or folder of this name is a system's own and passed over silently."""
    return name.lower() in _SIDE_NAMES or _SYSTEM_DOTS.fullmatch(name) is not None


def could_be_picture(path: PathLike) -> bool:
    """Tell by the suffix, or by the first bytes where the suffix says nothing, whether a file may be a picture.

    Never opens anything but a regular file; anything that cannot be opened is no picture.
    """
    name = PurePath(path).name
    if is_side_file(name):
        return False
    suffix = PurePath(name).suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return True
    if re.match(r"\.(jpe?g|png|webp)[_!-](?!orig|bak)", suffix):
        return True  # ".jpg_large", as some sites save them; what it is, its bytes say
    if suffix in NO_PICTURE_SUFFIXES or suffix.endswith(("_original", "_orig", "_bak")):
        return False
    try:
        with opened_file(path) as file:
            return MAGIC.match(file.read(32)) is not None
    except ImageError:
        return False
    except OSError:
        return True  # on a damaged drive it may be one, and whoever opens it says so


def trouble(path: PathLike, error: OSError) -> ImageError:
    """Return the sentence for a file that could not be opened or read."""
    name = display(path)
    if isinstance(error, FileNotFoundError):
        if Path(path).is_symlink():
            return ImageError("missing", f"'{name}' is a link that leads nowhere.", "Remove the link or mend it.")
        return ImageError("missing", f"'{name}' does not exist.", "It may have been moved, renamed or deleted.")
    if isinstance(error, PermissionError):
        return ImageError("no_permission", f"'{name}' may not be read.", "Change the file's permissions.")
    if error.errno == errno.ELOOP:
        return ImageError("missing", f"'{name}' is a link that leads to itself.", "Remove the link.")
    return ImageError(
        "unreadable",
        f"'{name}' could not be read from its drive ({error.strerror or type(error).__name__}).",
        "Check the drive and its connection, then try again.",
    )


def display(path: PathLike) -> str:
    """Return a path that can be shown and sent, whatever bytes its name holds."""
    return os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")


@contextlib.contextmanager
def opened_file(path: PathLike) -> Iterator[IO[bytes]]:
    """Open a regular file for reading; pipes, sockets and devices are never opened, since that could wait for ever."""
    try:
        check_regular(path, os.stat(path))  # noqa: PTH116 - one call, no Path needed
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except ValueError as error:  # a NUL in the name
        raise ImageError("missing", f"'{display(path)}' is no file name.", "Choose another file.") from error
    except OSError as error:
        raise trouble(path, error) from error
    with os.fdopen(handle, "rb") as file:
        try:
            # It may have been swapped between the look and the opening.
            check_regular(path, os.fstat(file.fileno()))
        except OSError as error:
            raise trouble(path, error) from error
        yield file


AT_ONCE = 64 << 20
"""Files up to this many bytes are read in one go: one pass over a slow drive, and decoders never wait for it."""

MOST_BYTES = 4 << 30
"""Larger files are refused; no picture within the limit of pixels needs so many."""


class Content:
    """What an open file holds, so that the very bytes that are hashed are those that are decoded.

    Attributes:
        path: as given; only named.
        file: where to read from, at any position; decoders may close it.
        size: in bytes.
        mtime_ns: when it was last changed.
    """

    def __init__(self, path: PathLike, file: IO[bytes]) -> None:
        facts = os.fstat(file.fileno())
        if facts.st_size > MOST_BYTES:
            raise ImageError(
                "too_large",
                f"'{display(path)}' has {facts.st_size / 2**30:,.1f} gigabytes; {MOST_BYTES >> 30} is the limit.",
                "Save a smaller copy of it.",
            )
        self.path, self.size, self.mtime_ns = path, facts.st_size, facts.st_mtime_ns
        self._digest = ""
        self._own = file
        self._data = file.read() if facts.st_size <= AT_ONCE else None
        self.file: IO[bytes]
        if self._data is None:
            self.file = os.fdopen(os.dup(file.fileno()), "rb")
        else:
            self.file = io.BytesIO(self._data)

    @property
    def data(self) -> bytes:
        """All of it; empty for a file of more than `AT_ONCE` bytes."""
        return self._data or b""

    def digest(self) -> str:
        """Return the hash by which the project knows this content."""
        if not self._digest:
            digest = hashlib.blake2b(self._data or b"", digest_size=16)
            if self._data is None:
                self._own.seek(0)
                while data := self._own.read(1 << 20):
                    digest.update(data)
            self._digest = digest.hexdigest()
        return self._digest

    def expect(self, digest: str) -> None:
        """Make sure that it is the content that was asked for, to be called after decoding.

        Args:
            digest: the hash of that content; empty: any will do.

        Raises:
            ImageError: ``changed``.
        """
        if not digest:
            return
        same = self.digest() == digest
        if same and self._data is None:  # it may have been written to after it was decoded
            facts = os.fstat(self._own.fileno())
            same = (facts.st_size, facts.st_mtime_ns) == (self.size, self.mtime_ns)
        if not same:
            raise ImageError(
                "changed",
                f"'{display(self.path)}' has changed since it was added.",
                "It is read anew, and used as it is now from then on.",
            )


@contextlib.contextmanager
def opened_content(path: PathLike) -> Iterator[Content]:
    """Open a file as `opened_file` does, and read it.

    Raises:
        ImageError: as `opened_file`, ``unreadable`` or ``too_large``.
    """
    with opened_file(path) as file:
        try:
            content = Content(path, file)
        except OSError as error:
            raise trouble(path, error) from error
        except MemoryError as error:
            raise ImageError(
                "no_memory", f"'{display(path)}' does not fit into memory.", "Save a smaller copy of it."
            ) from error
        with content.file:
            yield content


def check_regular(path: PathLike, facts: os.stat_result) -> None:
    """Refuse what is no regular file with something in it.

    Raises:
        ImageError: ``folder``, ``pipe`` or ``empty``.
    """
    name = display(path)
    if stat.S_ISDIR(facts.st_mode):
        raise ImageError("folder", f"'{name}' is a folder, not a picture.", "Drop the folder itself to add it.")
    if not stat.S_ISREG(facts.st_mode):
        raise ImageError("pipe", f"'{name}' is not a file but a pipe, socket or device.", "Remove it from the folder.")
    if facts.st_size == 0:
        raise ImageError("empty", f"'{name}' is empty.", "Copy it again from where it came from, or remove it.")
