"""Requests that cannot be met, each as one clear line."""

from collections.abc import Iterable
from difflib import get_close_matches

FEW = 25  # names that one line can list


class RequestError(Exception):
    """The request was wrong; its text says what and how to put it right. `skeleton-lab` exits with 2."""


def unknown(kind: str, name: str, known: Iterable[str]) -> RequestError:
    """The error for a name that does not exist: it names the nearest right one, or those that there are where none is
    near."""
    names = sorted(known)
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    some = ", ".join(names[:FEW]) + (f" and {len(names) - FEW} more" if len(names) > FEW else "")
    remedy = f"did you mean '{near[0]}'?" if near else f"there are: {some}"
    return RequestError(f"unknown {kind} '{name}': {remedy}")
