"""`skeleton-lab prepare DATASET`: read the official files into a store; bad ones are reported and counted."""

from skeleton_lab.verbs.arguments import Arguments


def run(arguments: Arguments) -> int:
    arguments.refuse_others()
    dataset, session = arguments.known_dataset(arguments.name("dataset")), arguments.session()
    source = session.prepare(dataset, arguments.scale)
    for problem in source.store.problems:
        session.console.print(f"{problem.problem}: {problem.remedy}", soft_wrap=True, highlight=False, markup=False)
    session.console.print(f"prepared in {source.store.path}", soft_wrap=True, markup=False)
    return 0
