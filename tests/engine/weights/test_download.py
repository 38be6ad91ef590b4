"""Downloads from a server on this computer: whole, stopped and continued, damaged, refused, and out of reach."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from resnext_gui.engine.weights import catalogue, commands, download
from resnext_gui.engine.weights.catalogue import Entry
from resnext_gui.engine.weights.load import resolve_weights
from resnext_gui.engine.worker.control import Control
from resnext_gui.messages import JobStopped, Progress, UserError
from tests.jobs import in_job

CONTENT = bytes(range(256)) * 4096
ENTRY = replace(catalogue.CATALOGUE[0], sha256=hashlib.sha256(CONTENT).hexdigest())


class Hub(ThreadingHTTPServer):
    """Serves one file under any name; notes what was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[tuple[str, str | None]] = []
        self.headers: dict[str, str] = {}
        self.status = 200
        self.ranges = True
        self.drop_after: int | None = None
        self.content = CONTENT

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        self.server.headers = {k.lower(): v for k, v in self.headers.items()}
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.ranges else 0
        data = self.server.content[start:]
        if self.server.status != 200:
            self.send_response(self.server.status)
            data = b""
        elif start >= len(self.server.content):
            self.send_response(416)
            data = b""
        else:
            self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.server.drop_after is not None:
            data, self.server.drop_after = data[: self.server.drop_after], None
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    import huggingface_hub.constants
    from huggingface_hub import close_session

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "CHUNK", 1 << 16)
    close_session()
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
    close_session()


def fetch(hub: Hub, control: Control | None = None, entry: Entry = ENTRY) -> tuple[Any, list[Progress]]:
    heard: list[Any] = []
    return download.download(entry, in_job(heard.append, control), hub.address), heard


def test_download_arrives_whole_and_is_found_again(hub: Hub) -> None:
    path, heard = fetch(hub)
    assert path.read_bytes() == CONTENT
    assert ENTRY.local_path() == path
    assert hub.asked == [("/timm/resnext50_32x4d.a1h_in1k/resolve/main/model.safetensors", None)]
    assert "authorization" not in hub.headers
    done = [event.done for event in heard]
    assert done == sorted(done)
    assert (heard[-1].done, heard[-1].total) == (len(CONTENT), len(CONTENT))
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def stop_midway(hub: Hub) -> None:
    class StopsLater(Control):
        calls = 0

        def check(self) -> None:
            self.calls += 1
            if self.calls > 5:
                self.stop()
            super().check()

    with pytest.raises(JobStopped):
        fetch(hub, StopsLater())


def test_stopped_download_goes_on_where_it_was(hub: Hub) -> None:
    stop_midway(hub)
    assert ENTRY.local_path() is None
    path, heard = fetch(hub)
    assert path.read_bytes() == CONTENT
    start = int((hub.asked[-1][1] or "").removeprefix("bytes=").rstrip("-"))
    assert 0 < start < len(CONTENT)
    assert heard[0].done == start
    assert heard[-1].total == len(CONTENT)


def test_server_that_cannot_continue_sends_all_again(hub: Hub) -> None:
    stop_midway(hub)
    hub.ranges = False
    assert fetch(hub)[0].read_bytes() == CONTENT


def test_part_that_is_already_whole_is_only_checked(hub: Hub) -> None:
    catalogue.downloads_folder().mkdir(parents=True)
    (catalogue.downloads_folder() / f"{ENTRY.name}.part").write_bytes(CONTENT)
    assert fetch(hub)[0].read_bytes() == CONTENT


def test_broken_connection_is_taken_up_again(hub: Hub) -> None:
    hub.drop_after = 300_000
    assert fetch(hub)[0].read_bytes() == CONTENT
    assert len(hub.asked) == 2


def test_damaged_download_is_thrown_away(hub: Hub) -> None:
    hub.content = CONTENT[:-1] + b"x"
    with pytest.raises(UserError) as caught:
        fetch(hub)
    assert caught.value.code == "bad_download"
    assert not list(catalogue.downloads_folder().iterdir())


def test_refusal_by_the_server(hub: Hub) -> None:
    hub.status = 403
    with pytest.raises(UserError) as caught:
        fetch(hub)
    assert caught.value.code == "download_failed"
    assert "403" in caught.value.message
    assert len(hub.asked) == 1


def test_offline_says_what_remains(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    hub.shutdown()
    hub.server_close()
    for switched_off in (False, True):
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", switched_off)
        with pytest.raises(UserError) as caught:
            fetch(hub)
        assert caught.value.code == "offline"
        assert "starter weights" in caught.value.hint
        assert "from disk" in caught.value.hint


def test_full_disk_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_copy", full)
    with pytest.raises(UserError) as caught:
        fetch(hub)
    assert caught.value.code == "disk_full"
    assert "100 MB" in caught.value.message


def test_get_uses_what_is_there(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch(hub)
    monkeypatch.setattr(catalogue, "CATALOGUE", (ENTRY,))
    asked = len(hub.asked)
    done = commands.get_weights(ENTRY.name, in_job())
    assert (done["name"], done["downloaded"]) == (ENTRY.name, False)
    assert len(hub.asked) == asked
    assert commands.get_weights("starter", in_job())["name"] == "starter"


def test_what_was_changed_since_it_was_downloaded_is_not_used_and_fetched_anew(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched, _ = fetch(hub)
    monkeypatch.setattr(catalogue, "CATALOGUE", (replace(ENTRY, sha256="0" * 64),))
    starter = catalogue.starter_path().read_bytes()  # weights that can be read, but not those of this name
    fetched.write_bytes(starter)
    with pytest.raises(UserError) as caught:
        resolve_weights(ENTRY.name)
    assert caught.value.code == "weights_damaged" and str(fetched) in caught.value.message
    monkeypatch.setattr(catalogue, "CATALOGUE", (ENTRY,))
    monkeypatch.setattr(commands, "download", lambda *_arguments: Path("anew"))
    assert commands.get_weights(ENTRY.name, in_job())["path"] == "anew"
