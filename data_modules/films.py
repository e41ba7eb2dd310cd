"""Films: a file of video, or a folder of pictures in the order of their names; chosen frames of one, and writing one.

Axes: T frames, H rows, W columns, C = 3 colours (red, green, blue).
"""

import re
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from data_modules.errors import DataError, UnreadableRecordingError
from data_modules.pictures import picture_files
from data_modules.video_transforms import Size, fit, in_words

Picture = NDArray[np.uint8]

# More than any camera's, so that a damaged header cannot ask for more memory than there is.
MAX_PIXELS = 2**25
# How many of the frames that its header announces a whole film has at least; some headers are a frame or two off.
MOSTLY = 0.9


class Film(ABC):
    """The pictures of one recording. frames: how many there are, at least one."""

    def __init__(self, path: Path, frames: int) -> None:
        if not frames:
            raise UnreadableRecordingError(path, "the film has no frames")
        self.path = path
        self.frames = frames

    @abstractmethod
    def picture(self, number: int) -> Picture:
        """Frame `number`, from 0: uint8 (H, W, 3). Raises UnreadableRecordingError where it is damaged."""

    def pictures(self, numbers: Sequence[int], short_side: int | None = None) -> Iterable[Picture]:
        """The frames of these numbers, one by one, all of one size; `short_side` makes them as large as `fit` says.

        Raises UnreadableRecordingError for a damaged frame, and for one that differs from the first in size.
        """
        size: Size | None = None
        for number in numbers:
            picture = self.picture(number)
            found = picture.shape[1], picture.shape[0]
            size = size or found
            if found != size:
                raise UnreadableRecordingError(
                    self.path, f"frame {number} is {in_words(found)} pixels and others are {in_words(size)}"
                )
            yield picture if short_side is None else resize(picture, fit(*size, short_side))

    def read(self, numbers: Sequence[int], short_side: int | None = None) -> NDArray[np.uint8]:
        """The same in one array: uint8 (T, H, W, 3)."""
        return np.stack(list(self.pictures(numbers, short_side)))


def open_film(path: Path) -> Film:
    """Open a film, by whichever of the two kinds it is.

    Raises UnreadableRecordingError where it is not there, has no frames, or cannot be read.
    """
    if path.is_dir():
        return PictureFolder(path)
    if not path.is_file():
        raise UnreadableRecordingError(path, "the film is not there")
    return VideoFile(path)


class VideoFile(Film):
    """A video in one file (.avi, .mp4).

    Frames are found by their times, after a jump to the last key frame before them where that saves decoding. An .avi
    is decoded from its beginning: its times count packets, which may not be in the order of showing, and FFmpeg, like
    all that builds on it, may jump to a wrong frame in it.
    """

    _shown: int  # the number of the last decoded frame

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._open()
            packets = [packet for packet in self._file.demux(self._stream) if packet.size and not packet.is_discard]
            is_key = {packet.pts: packet.is_keyframe for packet in packets if packet.pts is not None}
            self._times = sorted(is_key)
            self._timed = self._file.format.name != "avi" and len(self._times) == len(packets) > 0
            self._keys = [number for number, time in enumerate(self._times) if self._timed and is_key[time]]
            self._jump(0)
        except DataError:
            raise
        except Exception as error:  # a damaged file may raise OSError, ValueError, IndexError, UnicodeDecodeError …
            raise UnreadableRecordingError(path, "the film is damaged, or of an unknown kind") from error
        # An .avi may leave out frames that are like the one before; its times count them.
        reached = len(packets) if self._timed or not packets else 1 + (packets[-1].dts or 0)
        if reached < MOSTLY * self._stream.frames:
            raise UnreadableRecordingError(path, f"the film ends after {reached} of {self._stream.frames} frames")
        super().__init__(path, len(packets))

    def _open(self) -> None:
        # Nothing but video of these kinds, and nothing from elsewhere: a playlist may name any address.
        options = {"format_whitelist": "avi,mov,mp4,matroska,webm", "protocol_whitelist": "file"}
        self._file = _av().open(str(self.path), options=options, metadata_errors="replace")
        self._stream = self._file.streams.video[0]
        self._stream.codec_context.thread_count = 1
        self._stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}

    def picture(self, number: int) -> Picture:
        try:
            frame = self._find(number)
        except Exception as error:  # as above
            raise UnreadableRecordingError(self.path, f"frame {number} of {self.frames} is damaged") from error
        # Phones film lying down, and note how the pictures are to be turned: counterclockwise, in degrees.
        return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90)))

    def _find(self, number: int) -> Any:
        """The decoded frame. Raises LookupError or StopIteration where the film does not have it."""
        before = bisect_right(self._keys, number)
        key = self._keys[before - 1] if before else 0
        if number < self._shown or self._shown < key:
            self._jump(key)
        while self._shown < number:
            self._frame = next(self._frames)
            self._shown = self._number_at(self._frame.pts) if self._timed else self._shown + 1
        if self._shown != number:
            raise LookupError(number)
        return self._frame

    def _jump(self, key: int) -> None:
        """Make `key`, a key frame or the first frame, the next one to be decoded."""
        if self._timed:
            self._file.seek(self._times[key], stream=self._stream)
        else:
            self._open()
        self._frames, self._shown = self._file.decode(self._stream), key - 1

    def _number_at(self, time: int) -> int:
        number = bisect_left(self._times, time)
        if self._times[number] != time:
            raise LookupError(time)
        return number


class PictureFolder(Film):
    """A folder of .jpg or .png files, ordered by name; numbers in names are compared as numbers."""

    def __init__(self, path: Path) -> None:
        try:
            files = picture_files(path)
        except OSError as error:
            raise UnreadableRecordingError(path, f"cannot be read ({error.strerror})") from error
        self._files = sorted(files, key=lambda file: (_numbers_as_numbers(file.name), file.name))
        super().__init__(path, len(files))

    def picture(self, number: int) -> Picture:
        file = self._files[number]
        try:
            with Image.open(file, formats=("JPEG", "PNG")) as image:
                _check_size(file, *image.size)
                return np.asarray(image.convert("RGB"))
        except UnreadableRecordingError:
            raise
        except Exception as error:  # a damaged picture may raise OSError, SyntaxError, ValueError, struct.error …
            raise UnreadableRecordingError(file, "the picture is damaged, or neither JPEG nor PNG") from error


def resize(pictures: Picture, size: tuple[int, int]) -> Picture:
    """Pictures (..., H, W, 3) of `size` (width, height): bilinear, averaged where they shrink, pixel centres half a
    pixel inside."""
    height, width = pictures.shape[-3:-1]
    if size == (width, height):
        return pictures
    x_NHWC = torch.from_numpy(np.array(pictures)).reshape(-1, height, width, 3)
    small_NCHW = torch.nn.functional.interpolate(
        x_NHWC.movedim(-1, 1), size=size[::-1], mode="bilinear", antialias=True
    )
    return small_NCHW.movedim(1, -1).reshape(*pictures.shape[:-3], *size[::-1], 3).numpy()


def write_video(path: Path, pictures: Iterable[Picture], fps: int, gop: int, container: str, quality: int) -> None:
    """Write pictures of one size, both sides even, as h264 video.

    gop: how many frames from one key frame to the next. container: 'mp4' or 'avi'. quality: x264's constant rate
    factor; a lower one loses less. Raises DataError where there is no PyAV.
    """
    av = _av()
    with av.open(str(path), "w", format=container) as file:
        # Without frames that refer to later ones, every picture is ready as soon as it is decoded.
        options = {"crf": str(quality), "preset": "veryfast", "bf": "0"}
        stream = file.add_stream("libx264", rate=fps, options=options)
        stream.pix_fmt, stream.gop_size, stream.codec_context.thread_count = "yuv420p", gop, 1
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        file.mux(stream.encode())


def _av() -> Any:
    """PyAV, imported where films are: users of skeletons need it neither installed nor loaded."""
    try:
        import av
    except ImportError as error:
        raise DataError("films are read and written by PyAV, which is not installed: pip install av") from error
    return av


def _numbers_as_numbers(name: str) -> list[tuple[int, str]]:
    """'img10.jpg' after 'img9.jpg'."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableRecordingError(
            path, f"{in_words((width, height))} pixels are more than any film of these datasets has"
        )
