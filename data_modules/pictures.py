"""Folders of pictures, one for each frame of a film."""

from pathlib import Path

PICTURE_KINDS = (".jpg", ".jpeg", ".png")


def picture_files(folder: Path) -> list[Path]:
    """In no order. Raises OSError where the folder cannot be listed."""
    return [file for file in folder.iterdir() if file.suffix.lower() in PICTURE_KINDS]
