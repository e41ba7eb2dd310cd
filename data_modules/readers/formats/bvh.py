"""Biovision hierarchies (.bvh), in which motion capture is often kept: a tree of joints, and their angles by frame.

Axes: T frames, A channels of all joints, C coordinates.

The first part of the file (HIERARCHY) gives of every joint the offset from its parent and the channels that move it;
the second (MOTION) the number of frames, the time from one to the next, and for each frame a line with the values of
all channels. Source: M. Meredith and S. Maddock, Motion capture file formats explained, University of Sheffield, 2001.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_modules.errors import UnreadableRecordingError
from data_modules.readers.formats.text_file import RowFormat, TextFile, is_number, is_whole_number, open_text

MAX_LINE = 2**16  # characters
MAX_NODES = 200  # and so no tree is deeper
MAX_FRAMES = 100_000
MAX_VALUES = 5_000_000  # of all channels in all frames; a minute at 480 Hz with 100 channels has 2.9 million
SHORTEST_FRAME, LONGEST_FRAME = 1e-4, 10.0  # seconds
FRAMES_AT_ONCE = 4096  # keeps what the kinematics need at a time below 100 MB
CHANNELS = {f"{axis}{kind}": (kind, "xyz".index(axis)) for kind in ("position", "rotation") for axis in "xyz"}


@dataclass(frozen=True)
class Node:
    """A joint, or the end of the outermost bone of a chain.

    name: '' for an end. parent: the number of the joint that it hangs on; the root hangs on itself.
    offset: from the parent, in the file's unit. channels: in lower case, as in CHANNELS, in the order of their values,
    of which the first is number `first_channel` of a frame.
    """

    name: str
    parent: int
    offset: tuple[float, float, float]
    channels: tuple[str, ...]
    first_channel: int


@dataclass(frozen=True, eq=False)
class Bvh:
    """A recording. nodes: parents before their children; motion_TA: the channels' values, degrees and the file's unit
    of length; frame_time: seconds."""

    nodes: tuple[Node, ...]
    motion_TA: NDArray[np.float32]
    frame_time: float

    def every(self, step: int) -> "Bvh":
        """The first frame, and each `step`-th after it."""
        return replace(self, motion_TA=self.motion_TA[::step], frame_time=self.frame_time * step)

    def positions(self, nodes: Sequence[int]) -> NDArray[np.float64]:
        """Where some nodes are, by forward kinematics: (T, nodes, 3), in the file's unit and axes.

        A joint's rotations are multiplied in the order of its channels, so that the last one is done first, as seen
        from outside. A position channel replaces the offset along its axis. (Some readers add the two. Of the root,
        the only joint that usually has such channels, that moves the whole recording by a constant.)
        """
        starts = range(0, len(self.motion_TA), FRAMES_AT_ONCE)
        parts = [self._positions(self.motion_TA[start : start + FRAMES_AT_ONCE])[:, nodes] for start in starts]
        return np.concatenate(parts)

    def _positions(self, motion_TA: NDArray[np.float32]) -> NDArray[np.float64]:
        rotations: list[NDArray[np.float64]] = []
        positions: list[NDArray[np.float64]] = []
        for node in self.nodes:
            rotation_T33, shift_TC = _local(node, motion_TA.astype(np.float64))
            if rotations:
                parent_T33 = rotations[node.parent]
                shift_TC = positions[node.parent] + np.einsum("tij,tj->ti", parent_T33, shift_TC)
                rotation_T33 = parent_T33 @ rotation_T33
            rotations.append(rotation_T33)
            positions.append(shift_TC)
        return np.stack(positions, axis=1)

    def bone_lengths(self, node: int, ancestor: int) -> float | None:
        """The summed lengths of the bones from `ancestor` to `node` by their offsets; None where it is no ancestor."""
        length = 0.0
        while node != ancestor:
            if self.nodes[node].parent == node:
                return None
            length += float(np.linalg.norm(self.nodes[node].offset))
            node = self.nodes[node].parent
        return length


def _local(node: Node, motion_TA: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A node's rotation (T, 3, 3) and shift (T, 3) relative to its parent."""
    rotation_T33 = np.broadcast_to(np.eye(3), (len(motion_TA), 3, 3))
    shift_TC = np.tile(node.offset, (len(motion_TA), 1))
    for number, channel in enumerate(node.channels, node.first_channel):
        kind, axis = CHANNELS[channel]
        if kind == "position":
            shift_TC[:, axis] = motion_TA[:, number]
        else:
            rotation_T33 = rotation_T33 @ _about(axis, np.deg2rad(motion_TA[:, number]))
    return rotation_T33, shift_TC


def _about(axis: int, radians_T: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotations about one axis, counter-clockwise seen from its tip: (T, 3, 3), for column vectors."""
    rotation_T33 = np.zeros((len(radians_T), 3, 3))
    second, third = (axis + 1) % 3, (axis + 2) % 3
    rotation_T33[:, axis, axis] = 1
    rotation_T33[:, second, second] = rotation_T33[:, third, third] = np.cos(radians_T)
    rotation_T33[:, third, second] = np.sin(radians_T)
    rotation_T33[:, second, third] = -np.sin(radians_T)
    return rotation_T33


def read_bvh(path: Path) -> Bvh:
    """Read a .bvh file with one root.

    Raises UnreadableRecordingError, naming the line, for the first thing that does not fit or is too large.
    """
    file = open_text(path)
    for at, line in enumerate(file.lines):
        if len(line) > MAX_LINE:
            raise file.unexpected(at, f"lines of at most {MAX_LINE} characters")
    words = _Words(file)
    nodes = _hierarchy(words)
    num_channels = sum(len(node.channels) for node in nodes)
    return Bvh(tuple(nodes), *_motion(words, num_channels))


class _Words:
    """The words of a file, one by one, each with the line that it stands on."""

    def __init__(self, file: TextFile) -> None:
        self.file = file
        self.words: Iterator[tuple[str, int]] = (
            (word, at) for at, line in enumerate(file.lines) for word in line.split()
        )
        self.advance()

    def advance(self) -> None:
        self.word, self.at = next(self.words, ("", len(self.file.lines)))

    def unexpected(self, expected: str) -> UnreadableRecordingError:
        return self.file.unexpected(self.at, expected)

    def take(self, what: str) -> str:
        """The next word, whatever it is."""
        word = self.word
        if word in ("", "{", "}"):
            raise self.unexpected(what)
        self.advance()
        return word

    def keyword(self, *expected: str) -> str:
        """The next word, one of `expected` in upper or lower case; as it stands there."""
        word = self.word
        for choice in expected:
            if word.lower() == choice.lower():
                self.advance()
                return choice
        raise self.unexpected(" or ".join(expected))

    def number(self, what: str, lowest: float, highest: float) -> float:
        value = float(self.word) if is_number(self.word) else float("nan")
        if not lowest <= value <= highest:
            raise self.unexpected(f"{what} ({lowest:g} to {highest:g})")
        self.advance()
        return value

    def whole_number(self, what: str, lowest: int, highest: int) -> int:
        value = int(self.word) if is_whole_number(self.word) else lowest - 1
        if not lowest <= value <= highest:
            raise self.unexpected(f"{what} ({lowest} to {highest})")
        self.advance()
        return value


def _hierarchy(words: _Words) -> list[Node]:
    words.keyword("HIERARCHY")
    words.keyword("ROOT")
    nodes = [_node(words, [], parent=0)]
    unclosed = [0]
    while unclosed:
        keyword = words.keyword("JOINT", "End", "}")
        if keyword == "}":
            unclosed.pop()
            continue
        if len(nodes) == MAX_NODES:
            raise words.unexpected(f"a tree of at most {MAX_NODES} joints and ends")
        if keyword == "JOINT":
            unclosed.append(len(nodes))
            nodes.append(_node(words, nodes, parent=unclosed[-2]))
        else:
            nodes.append(_end(words, nodes, parent=unclosed[-1]))
    return nodes


def _node(words: _Words, others: Sequence[Node], parent: int) -> Node:
    """A joint up to its children."""
    if words.word.lower() in (other.name.lower() for other in others):
        raise words.unexpected("a joint that the tree does not have yet")
    name = words.take("the name of a joint")
    words.keyword("{")
    offset = _offset(words)
    words.keyword("CHANNELS")
    channels: list[str] = []
    for _ in range(words.whole_number("the number of channels", 0, len(CHANNELS))):
        channels.append(words.keyword(*(channel for channel in CHANNELS if channel not in channels)))
    return Node(name, parent, offset, tuple(channels), _num_channels(others))


def _end(words: _Words, others: Sequence[Node], parent: int) -> Node:
    words.keyword("Site")
    words.keyword("{")
    offset = _offset(words)
    words.keyword("}")
    return Node("", parent, offset, (), _num_channels(others))


def _num_channels(nodes: Sequence[Node]) -> int:
    return nodes[-1].first_channel + len(nodes[-1].channels) if nodes else 0


def _offset(words: _Words) -> tuple[float, float, float]:
    words.keyword("OFFSET")
    x, y, z = (words.number("a coordinate of the offset", -1e9, 1e9) for _ in range(3))
    return x, y, z


def _motion(words: _Words, num_channels: int) -> tuple[NDArray[np.float32], float]:
    """The values of all channels (T, A), and seconds per frame."""
    words.keyword("MOTION")
    if num_channels == 0:
        raise words.unexpected("channels in the hierarchy, but no joint has any")
    words.keyword("Frames:")
    num_frames = words.whole_number("the number of frames", 1, min(MAX_FRAMES, MAX_VALUES // num_channels))
    words.keyword("Frame")
    words.keyword("Time:")
    frame_time = words.number("seconds per frame", SHORTEST_FRAME, LONGEST_FRAME)
    file, start = words.file, words.at
    if len(file.lines) > start + num_frames:
        raise file.unexpected(start + num_frames, f"the end of the file after its {num_frames} frames")
    return file.coordinates(start, num_frames, RowFormat("frame", num_channels, num_channels)), frame_time
