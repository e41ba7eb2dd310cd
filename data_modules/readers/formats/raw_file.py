"""The bytes of a recording's file, up to a limit, so that no file can fill the memory."""

from pathlib import Path

from data_modules.errors import UnreadableRecordingError

MAX_BYTES = 64 * 2**20  # the largest official recordings that are read as a whole have some 10 MB


def read_bytes(path: Path, max_bytes: int = MAX_BYTES, remedy: str | None = None) -> bytes:
    """The whole of a file. Raises UnreadableRecordingError where it cannot be read, or has more than `max_bytes`."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise UnreadableRecordingError(path, f"cannot be read ({error.strerror})", remedy=remedy) from error
    if len(data) > max_bytes:
        raise UnreadableRecordingError(
            path, f"larger than the {max_bytes} bytes that such a file may have", remedy=remedy
        )
    return data
