"""A project: its database of photographs and labels, its runs, and its locks.  Standard library only.

The window, the worker processes and the command line may all have one project open at a time: SQLite in WAL mode with
short write transactions keeps them apart.  Originals are never touched; everything a person corrects lives here.
"""

from resnext_gui.project.database import APPLICATION_ID, KINDS, SCHEMA_VERSION
from resnext_gui.project.files import new_project_folder, projects_home, read_json, write_json
from resnext_gui.project.marker import MARKER, is_project, project_folder
from resnext_gui.project.project import Project
from resnext_gui.project.records import (
    Item,
    Known,
    Label,
    ModelChange,
    NewPhoto,
    Photo,
    ProjectError,
    StoredAnswer,
)
from resnext_gui.project.runs import Run

__all__ = [
    "APPLICATION_ID",
    "KINDS",
    "MARKER",
    "SCHEMA_VERSION",
    "Item",
    "Known",
    "Label",
    "ModelChange",
    "NewPhoto",
    "Photo",
    "Project",
    "ProjectError",
    "Run",
    "StoredAnswer",
    "is_project",
    "new_project_folder",
    "project_folder",
    "projects_home",
    "read_json",
    "write_json",
]
