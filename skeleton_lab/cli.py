"""The command line: `skeleton-lab VERB [NAME] [key=value …]`.

Exit codes: 0 done, 1 some run failed, 2 the request was wrong.
"""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from data_modules.errors import DataError
from skeleton_lab.errors import RequestError, unknown
from skeleton_lab.memory import keep_freed_memory
from skeleton_lab.ops.settings import use
from skeleton_lab.verbs import VERBS, Arguments

# What schedulers send before they take a machine away.
PREEMPTIONS = (signal.SIGTERM, signal.SIGUSR1)


class PreemptedError(BaseException):
    """As a KeyboardInterrupt, for nobody but `main` to catch."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    options, rest = _parser().parse_known_args(argv)
    try:
        misplaced = [word for word in rest if word.startswith("-")]
        if misplaced:
            raise RequestError(f"unknown option {misplaced[0]}: there are --json, --plot, --debug and --help")
        if options.verb not in VERBS:
            raise unknown("verb", options.verb, VERBS)
        arguments = Arguments.parse([*options.words, *rest], options.json, options.plot)
        keep_freed_memory()
        use(arguments.execution().ops)
        with preemptible():
            return VERBS[options.verb].run(arguments)
    except (RequestError, DataError) as error:
        if options.debug:
            raise
        print(f"skeleton-lab: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if options.debug:
            raise
        print(f"skeleton-lab: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, PreemptedError):
        print("skeleton-lab: stopped; the same command goes on from here", file=sys.stderr)
        return 1


@contextmanager
def preemptible() -> Iterator[None]:
    """Stop in good order when a scheduler asks for it: a run's last checkpoint is that of its last whole epoch."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in PREEMPTIONS:  # often sent more than once
            signal.signal(each, signal.SIG_IGN)
        raise PreemptedError

    before = {each: signal.signal(each, stop) for each in PREEMPTIONS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _parser() -> argparse.ArgumentParser:
    verbs = "\n".join(f"  {name:<10} {verb.summary}" for name, verb in VERBS.items())
    parser = argparse.ArgumentParser(
        "skeleton-lab",
        usage="skeleton-lab VERB [NAME] [key=value …] [--json] [--plot] [--debug]",
        description=f"verbs:\n{verbs}",
        epilog="Settings are key=value pairs: scale=paper dataset=shrec2017 data_root=… output_dir=… devices=8, or any "
        "key of a run, such as training.epochs=5 or, where it is unique, epochs=5.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", metavar="VERB")
    parser.add_argument("words", nargs="*", metavar="NAME key=value")
    parser.add_argument("--json", action="store_true", help="print JSON, where the verb can")
    parser.add_argument("--plot", action="store_true", help="draw what is predicted as animated pictures")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
