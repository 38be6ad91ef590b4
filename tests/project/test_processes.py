"""Several programs on one project, files that survive, and runs with their locks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from resnext_gui.project import Project, ProjectError, read_json, write_json

ROOT = Path(__file__).resolve().parents[2]


def program(text: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
    )  # fmt: skip


WRITER = """
    import sys
    from resnext_gui.project import NewPhoto, Project
    name = sys.argv[2]
    with Project.open(sys.argv[1]) as project:
        for portion in range(15):
            project.add_photos([
                NewPhoto(f"/{name}/{portion}-{n}.jpg", 1, 1, f"{name}{portion}{n}", 1, 1, "label %d" % (n % 5))
                for n in range(20)
            ])
            project.assign_kinds()
"""


def test_three_programs_write_at_once_and_nothing_is_lost(tmp_path: Path):
    with Project.create(tmp_path / "p") as project:
        others = [program(WRITER, tmp_path / "p", name) for name in ("one", "two")]
        for n in range(30):
            labels = project.labels()
            if labels:  # not undone: the last operation may be another program's by then
                project.move(project.photo_ids(labels[0].id)[:5], None)
                project.move(project.photo_ids("unlabelled"), labels[0].id)
            project.set_setting("n", n)
        for other in others:
            other.communicate(timeout=60)
            assert other.returncode == 0
        assert project.counts()["photographs"] == 600
        assert len(project.labels()) == 5
        assert project._one("PRAGMA integrity_check") == "ok"


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_program_killed_while_writing_leaves_whole_portions(tmp_path: Path):
    Project.create(tmp_path / "p").close()
    other = program(
        """
        import sys
        from resnext_gui.project import NewPhoto, Project
        with Project.open(sys.argv[1]) as project:
            for portion in range(10_000):
                project.add_photos([NewPhoto(f"/{portion}/{n}", 1, 1, f"{portion}-{n}", 1, 1, "x") for n in range(50)])
                print(portion, flush=True)
        """,
        tmp_path / "p",
    )
    for _ in range(8):
        told = int(other.stdout.readline())
    other.send_signal(signal.SIGKILL)
    other.communicate()
    with Project.open(tmp_path / "p") as project:
        count = project.photo_count()
        assert count >= (told + 1) * 50  # what was reported done is there
        assert count % 50 == 0  # and nothing is there by halves
        assert project._one("PRAGMA integrity_check") == "ok"


class TestFiles:
    def test_json_survives_as_it_was(self, tmp_path: Path):
        value = {"a": [1, 2.5, None, "ä😀"], "path": os.fsdecode(b"caf\xe9")}
        write_json(tmp_path / "x.json", value)
        assert read_json(tmp_path / "x.json") == value
        assert [p.name for p in tmp_path.iterdir()] == ["x.json"]

    def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        import errno

        write_json(tmp_path / "x.json", 1)

        def full(_handle: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ProjectError) as caught:
            write_json(tmp_path / "x.json", 2)
        assert caught.value.code == "disk_full"
        assert read_json(tmp_path / "x.json") == 1
        assert [p.name for p in tmp_path.iterdir()] == ["x.json"]

    def test_damage_is_told(self, tmp_path: Path):
        (tmp_path / "x.json").write_text("{")
        with pytest.raises(ProjectError) as caught:
            read_json(tmp_path / "x.json")
        assert caught.value.code == "damaged"
        with pytest.raises(FileNotFoundError):
            read_json(tmp_path / "y.json")
        with pytest.raises(ProjectError):
            write_json(tmp_path / "no" / "x.json", 1)


class TestRuns:
    @pytest.fixture
    def project(self, tmp_path: Path):
        with Project.create(tmp_path / "p") as opened:
            yield opened

    def test_new_runs_have_folders_of_their_own_newest_first(self, project: Project):
        made = [project.new_run({"mode": "finetune"}) for _ in range(12)]
        assert [run.id for run in project.runs()] == [run.id for run in reversed(made)]
        assert project.run(made[0].id).read()["spec"] == {"mode": "finetune"}
        for bad in ("nothing", "../p", ""):
            with pytest.raises(ProjectError) as caught:
                project.run(bad)
            assert caught.value.code == "no_run"

    def test_running_without_a_lock_is_interrupted(self, project: Project):
        run = project.new_run({}, name="first try")
        assert run.status == "interrupted"
        with run.lock():
            assert run.status == "running"
            run.update(status="paused", progress=0.5)
            assert run.status == "paused"
        assert run.status == "interrupted"
        run.update(status="finished")
        assert run.status == "finished"
        run.rename("  second   try ")
        assert run.name == "second try"
        assert run.read()["progress"] == 0.5

    def test_the_lock_ends_with_its_process_and_keeps_others_out(self, project: Project):
        run = project.new_run({})
        other = program(
            """
            import sys
            from pathlib import Path
            from resnext_gui.project import Run
            with Run(Path(sys.argv[1])).lock():
                print("held", flush=True)
                sys.stdin.read()
            """,
            run.folder,
        )
        assert other.stdout.readline() == "held\n"
        assert run.status == "running"
        with pytest.raises(ProjectError) as caught, run.lock():
            pass
        assert caught.value.code == "run_busy"
        with pytest.raises(ProjectError):
            run.delete()
        other.kill()
        other.communicate()
        assert run.status == "interrupted"
        with run.lock():
            pass
        run.delete()
        assert project.runs() == []

    def test_history_passes_over_a_torn_line_and_goes_on_after_it(self, project: Project):
        run = project.new_run({})
        assert run.history() == []
        run.append_history({"epoch": 1})
        with (run.folder / "history.jsonl").open("ab") as file:
            file.write(b'{"epoch": 2, "lo')
        assert run.history() == [{"epoch": 1}]
        run.append_history({"epoch": 2})
        assert run.history() == [{"epoch": 1}, {"epoch": 2}]
        run.replace_history([{"epoch": 1}])
        assert run.history() == [{"epoch": 1}]
        run.append_batches([{"step": 1}, {"step": 2}])
        run.append_batches([{"step": 3}])
        assert [point["step"] for point in run.batches()] == [1, 2, 3]
        run.replace_batches([])
        assert run.batches() == []

    def test_updates_from_two_programs_do_not_overwrite_each_other(self, project: Project):
        run = project.new_run({})
        other = program(
            """
            import sys
            from pathlib import Path
            from resnext_gui.project import Run
            run = Run(Path(sys.argv[1]))
            for n in range(60):
                run.update(theirs=n)
            """,
            run.folder,
        )
        for n in range(60):
            run.update(ours=n)
        other.communicate(timeout=60)
        body = json.loads((run.folder / "run.json").read_text())
        assert (body["ours"], body["theirs"]) == (59, 59)
