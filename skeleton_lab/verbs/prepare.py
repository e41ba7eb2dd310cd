"""`skeleton-lab prepare DATASET`: read the official files into a store; bad ones are reported and counted.

With `short_side=…`, its films are made small too (data_modules/transcode.py).
"""

from skeleton_lab.errors import RequestError
from skeleton_lab.verbs.arguments import Arguments

LARGEST = 512  # networks look at 224 pixels and less; larger copies would cost more than they spare


def run(arguments: Arguments) -> int:
    arguments.refuse_others(("short_side",))
    dataset, session = arguments.known_dataset(arguments.name("dataset")), arguments.session()
    short_side = arguments.whole_number("short_side")
    if short_side is not None and (short_side % 2 or short_side > LARGEST):
        raise RequestError(f"short_side={short_side}: give an even number of pixels up to {LARGEST}")
    source = session.prepare(dataset, arguments.scale)
    problems = list(source.store.problems)
    if short_side is not None:
        problems += session.prepare_films(source, short_side)
    for problem in problems:
        session.console.print(f"{problem.problem}: {problem.remedy}", soft_wrap=True, highlight=False, markup=False)
    session.console.print(f"prepared in {source.store.path}", soft_wrap=True, markup=False)
    return 0
