"""`skeleton-lab evaluate MODEL`: what trained networks know of their test sets, in the way that is asked for: with
several clips of each recording, noise, or fewer frames. Nothing is trained, and what was measured before is only shown.
"""

from skeleton_lab.verbs.arguments import Arguments
from skeleton_lab.verbs.train import run_requested


def run(arguments: Arguments) -> int:
    return run_requested(arguments, may_train=False)
