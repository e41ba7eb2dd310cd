"""YAML that others wrote: plain values alone, and not more of them than stand in the file."""

from pathlib import Path
from typing import Any

import yaml

from data_modules.readers.formats.raw_file import read_bytes

MAX_BYTES = 2**20


class _Loader(yaml.SafeLoader):
    """YAML of plain values. References, by which a few lines can stand for billions, and keys that stand twice are
    refused."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="references (*) are not read: write the value out", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r:.40} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_yaml(path: Path) -> Any:
    """What a file says. Raises UnreadableRecordingError where it cannot be read, or is far too large; yaml.YAMLError
    where it is no YAML; ValueError for values that cannot be; RecursionError."""
    text = read_bytes(path, MAX_BYTES)
    # A subclass of yaml's safe loader: it makes nothing but plain values.
    return yaml.load(text, Loader=_Loader)
