"""Templates of file names: by '{class}/s{subject}_r{replication}' a path says what its recording shows."""

import re
from collections.abc import Collection, Mapping, Sequence

from data_modules.errors import did_you_mean

NUMBERS = ("subject", "camera", "setup", "replication")
PLACEHOLDERS = ("class", *NUMBERS, "name")
BRACES = re.compile(r"\{([^{}]*)\}")


class Template:
    """A path relative to the dataset's folder, without suffix, with placeholders.

    {class} stands for the name of a class, {name} for anything but a slash, the others for whole numbers. A placeholder
    that stands twice must read the same both times.
    Raises ValueError, saying what to write instead, for a placeholder not among `known`.
    """

    def __init__(self, text: str, classes: Sequence[str], known: Collection[str] = PLACEHOLDERS) -> None:
        self.text = text
        self.names = frozenset(BRACES.findall(text))
        unknown = [name for name in BRACES.findall(text) if name not in known]
        if unknown:
            raise ValueError(f"{{{unknown[0]}}} is no placeholder here; {did_you_mean(unknown[0], known)}")
        if "{" in BRACES.sub("", text) or "}" in BRACES.sub("", text):
            raise ValueError("a brace is not closed")
        if text.startswith("/") or ".." in text.split("/"):
            raise ValueError("write a path inside the dataset's folder")
        self._pattern = re.compile(_pattern(text, classes))

    def match(self, path: str) -> Mapping[str, str] | None:
        """What the placeholders stand for in a path, as written there; None where the path does not fit."""
        found = self._pattern.fullmatch(path)
        return {name.removesuffix("_"): text for name, text in found.groupdict().items()} if found else None

    def fill(self, values: Mapping[str, str]) -> str:
        """The path in which the placeholders stand for `values`."""
        return BRACES.sub(lambda found: values[found.group(1)], self.text)


def _pattern(text: str, classes: Sequence[str]) -> str:
    # Longer class names first: 'wave' must not keep 'wave_both' from being found.
    ways = dict.fromkeys(NUMBERS, "[0-9]{1,9}")
    ways["name"] = "[^/]+"
    ways["class"] = "|".join(re.escape(name) for name in sorted(classes, key=len, reverse=True))
    pattern, seen = "", set()
    for position, part in enumerate(BRACES.split(text)):
        if position % 2 == 0:
            pattern += re.escape(part)
        elif part in seen:
            pattern += f"(?P={part}_)"
        else:
            pattern += f"(?P<{part}_>{ways[part]})"
            seen.add(part)
    return pattern
