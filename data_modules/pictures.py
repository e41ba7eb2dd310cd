"""Folders of pictures, one for each frame of a film."""

from pathlib import Path

PICTURE_KINDS = (".jpg", ".jpeg", ".png")


def picture_files(folder: Path) -> list[Path]:
    """In no order, without hidden files, such as macOS adds. Raises OSError where the folder cannot be listed."""
    files = (file for file in folder.iterdir() if not file.name.startswith("."))
    return [file for file in files if file.suffix.lower() in PICTURE_KINDS]
