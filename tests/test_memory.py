"""Freed memory is used again."""

import platform
import resource

import pytest
import torch

from skeleton_lab.memory import keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc alone")
def test_the_same_tensors_again_take_no_new_pages() -> None:
    def pages() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            torch.ones(2**24)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    keep_freed_memory()
    first = pages()
    assert pages() < max(first, 2**26 // resource.getpagesize()) / 10
