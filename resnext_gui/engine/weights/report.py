"""What an import of weights says about the file: the report, and the error that refuses it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from resnext_gui.messages import UserError

_HINT = "Use a ResNeXt or ResNet checkpoint from torchvision, timm, Keras or this program, and download it anew."


class CheckpointError(UserError):
    """A file of weights cannot be used.  The message names the file and the reason.

    Attributes:
        path: the file.
        reason: why, without the file's name; printable, at most some 400 characters.
        hint: what to do about it.
        code: ``"bad_checkpoint"`` (damaged, or in no known format), ``"hostile_checkpoint"`` (asks to run code),
            ``"wrong_architecture"``, ``"incomplete_checkpoint"``, ``"wrong_shape"``, ``"wrong_kind"`` (whole numbers),
            ``"not_finite"``, ``"bad_statistics"``, ``"empty_tensor"`` or ``"bad_activations"``.
    """

    def __init__(self, path: str | Path, reason: str, hint: str = _HINT, code: str = "bad_checkpoint") -> None:
        reason = _printable(reason)
        super().__init__(code, f"“{_printable(Path(path).name)}” cannot be used: {reason}.", hint)
        self.path = str(path)
        self.reason = reason


def _printable(text: str, longest: int = 400) -> str:
    """Return `text` without what would move a terminal's cursor: names in a file may be anything, and any length."""
    plain = "".join(c if c.isprintable() else "?" for c in text[: longest + 1])
    return plain if len(plain) <= longest else plain[:longest] + "..."


@dataclass
class Report:
    """What was found in a file of weights.

    Attributes:
        file: the file's name.
        layout: whose conventions it follows, such as ``"torchvision/timm, safetensors"``.
        architecture: the network's usual name, such as ``"ResNeXt-50 32x4d"``.
        tensors: how many tensors were used, each exactly once.
        parameters: how many numbers the network learns.
        classes: logits of its head; 0 without one.
        ignored: names of tensors that a network for answering does not need.
        warnings: what the person should know, a sentence each.
        checks: what was looked at and found right, a few words each.
    """

    file: str
    layout: str = ""
    architecture: str = ""
    tensors: int = 0
    parameters: int = 0
    classes: int = 0
    ignored: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        head = f"{self.classes} classes" if self.classes else "no head"
        lines = [
            f"{self.file}: {self.architecture}, {self.parameters:,} parameters, {head}",
            f"layout: {self.layout}; {self.tensors} tensors, each used once"
            + (f", {len(self.ignored)} not needed" if self.ignored else ""),
            *(f"checked: {check}" for check in self.checks),
            *(f"note: {warning}" for warning in self.warnings),
        ]
        return "\n".join(lines)
