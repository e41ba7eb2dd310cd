"""The command line: `skeleton-lab VERB [NAME] [key=value …]`.

Exit codes: 0 done, 1 some run failed, 2 the request was wrong, 75 the program was told to give way.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from data_modules.errors import DataError
from skeleton_lab.errors import RequestError, unknown
from skeleton_lab.verbs import JSON, PLOT, VERBS, Verb

# What the program ends with when it was told to give way (75): the same command goes on.
TRY_AGAIN = os.EX_TEMPFAIL

# What schedulers send before they take a machine away.
PREEMPTIONS = (signal.SIGTERM, signal.SIGUSR1)
# What the shell says when it asks argcomplete what a word may become.
COMPLETING = "_ARGCOMPLETE"
OPTIONS = {JSON: "print JSON", PLOT: "draw what is predicted as animated pictures"}
SETTINGS = (
    "Settings are key=value pairs: scale=paper dataset=shrec2017 data_root=… output_dir=… devices=8,\n"
    "or any key of a run, such as training.epochs=5 or, where it is unique, epochs=5."
)


class PreemptedError(BaseException):
    """As a KeyboardInterrupt, for nobody but `main` to catch."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(VERBS.get(next((word for word in words if not word.startswith("-")), "")))
    if COMPLETING in os.environ:
        from skeleton_lab.completion import complete

        complete(parser)
    if not words:
        parser.print_help()
        return 0
    options, rest = parser.parse_known_args(words)
    try:
        return _run(options, rest)
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
    except (KeyboardInterrupt, PreemptedError) as stopped:
        print("skeleton-lab: stopped; the same command goes on from here", file=sys.stderr)
        return 1 if isinstance(stopped, KeyboardInterrupt) else TRY_AGAIN


def _run(options: argparse.Namespace, rest: Sequence[str]) -> int:
    misplaced = [word for word in rest if word.startswith("-")]
    if misplaced:
        raise RequestError(f"unknown option {misplaced[0]}: there are --json, --plot, --debug and --help")
    if options.verb not in VERBS:
        raise unknown("verb", options.verb, VERBS)
    # PyTorch and Lightning take seconds to import, which help and completion need not wait for.
    from skeleton_lab.memory import keep_freed_memory
    from skeleton_lab.ops.settings import use
    from skeleton_lab.verbs.arguments import Arguments

    arguments = Arguments.parse([*options.words, *rest], options.json, options.plot)
    keep_freed_memory()
    use(arguments.execution().ops)
    with preemptible():
        return VERBS[options.verb].run(arguments)


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


def _parser(verb: Verb | None) -> argparse.ArgumentParser:
    """Of one verb with its examples; of all where none is meant."""
    parser = argparse.ArgumentParser("skeleton-lab", formatter_class=argparse.RawDescriptionHelpFormatter)
    if verb is None:
        parser.usage = "skeleton-lab VERB [NAME] [key=value …] [--json] [--plot] [--debug]"
        verbs = "\n".join(f"  {name:<10} {each.summary}" for name, each in VERBS.items())
        parser.description = f"verbs:\n{verbs}"
        parser.epilog = f"{SETTINGS}\n`skeleton-lab VERB --help` has examples."
    else:
        parser.usage = " ".join(["skeleton-lab", verb.name, verb.words, *(f"[--{name}]" for name in verb.options)])
        parser.description = verb.summary
        parser.epilog = "\n".join([SETTINGS, "examples:", *(f"  skeleton-lab {each}" for each in verb.examples)])
    parser.add_argument("verb", metavar="VERB", help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", metavar="WORDS", help=argparse.SUPPRESS)
    for name, what in OPTIONS.items():
        heeded = verb is None or name in verb.options
        parser.add_argument(f"--{name}", action="store_true", help=what if heeded else argparse.SUPPRESS)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
