"""Freed memory is used again."""

import platform
import resource

import pytest
import torch

from skeleton_lab.memory import keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc alone")
def test_the_same_tensor_again_takes_no_new_pages() -> None:
    """Once what lies between has found its place: the first few times may take some."""

    def pages() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(2**24)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    keep_freed_memory()
    taken = [pages() for _ in range(60)]
    assert max(taken[-20:]) < 2**26 // resource.getpagesize() / 10
