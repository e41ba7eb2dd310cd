"""The bytes of a recording's file, up to a limit, so that no file can fill the memory."""

from pathlib import Path
from stat import S_ISREG

from data_modules.errors import UnreadableRecordingError

MAX_BYTES = 64 * 2**20  # the largest official recordings that are read as a whole have some 10 MB


def read_bytes(path: Path, max_bytes: int = MAX_BYTES, remedy: str | None = None) -> bytes:
    """The whole of a file. Raises UnreadableRecordingError where it cannot be read, or has more than `max_bytes`."""
    try:
        # Asked before it is opened: to open a pipe would wait for its writer.
        found = path.stat()
        if not S_ISREG(found.st_mode):
            raise UnreadableRecordingError(path, "is no file", remedy=remedy)
        if found.st_size > max_bytes:
            problem = f"larger than the {max_bytes} bytes that such a file may have"
            raise UnreadableRecordingError(path, problem, remedy=remedy)
        with path.open("rb") as file:
            # No more than it had, should it be growing; to ask for all that it may have would fetch that much memory.
            return file.read(found.st_size)
    except OSError as error:
        raise UnreadableRecordingError(path, f"cannot be read ({error.strerror})", remedy=remedy) from error
