"""The verbs of the command line, each in a file of its own; a verb's code is imported when it is called.

Nothing here imports what takes long: help and completion come at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Verb:
    """summary: one line for the help; words: what stands after the verb; examples: commands that work, without the
    program's name; options: those of --json and --plot that it heeds. The code is `run` in the file of the verb's name.
    """

    name: str
    summary: str
    words: str
    examples: Sequence[str]
    options: Sequence[str] = ()

    def run(self, arguments: Any) -> int:
        """With the words after it (arguments.py); returns the exit code."""
        found: int = import_module(f"skeleton_lab.verbs.{self.name}").run(arguments)
        return found


JSON, PLOT = "json", "plot"
VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "tables",
            "list the tables, or show one as declared (--json for programs)",
            "[TABLE …]",
            ["tables", "tables adasgn_tab3 --json", "tables format=markdown"],
            [JSON],
        ),
        Verb(
            "reproduce",
            "train what a table misses, and print it beside the paper's numbers",
            "TABLE [dataset=…] [protocol=…] [seeds=1,2,3] [folds=all] [key=value …]",
            [
                "reproduce adasgn_tab3",
                "reproduce adasgn_tab6 protocol=gestures14 scale=paper data_root=/data",
                "reproduce pareto dataset=shrec2017 data_root=/data",
            ],
        ),
        Verb(
            "report",
            "print a table from the runs that are finished, training nothing; without one, list all on one page",
            "[TABLE] [dataset=…] [protocol=…] [seeds=…] [keep=true]",
            ["report", "report adasgn_tab3"],
        ),
        Verb(
            "train",
            "train one model on one protocol of a dataset",
            "MODEL [dataset=demo] [protocol=…] [seeds=1,2,3] [folds=all] [key=value …]",
            ["train sgn", "train star_64 dataset=nw_ucla scale=paper data_root=/data seed=2"],
        ),
        Verb(
            "evaluate",
            "test a trained model on its dataset, also in other ways than it was; trains nothing",
            "MODEL [dataset=demo] [protocol=…] [seeds=1,2,3] [folds=all] [key=value …]",
            ["evaluate sgn", "evaluate sgn test_crops=5", "evaluate gca_lstm noise_metres=0.04 noise_on=test"],
        ),
        Verb(
            "sweep",
            "run all combinations of a sweep, through W&B agents where there is a login",
            "SWEEP [key=value …]",
            ["sweep gca_lstm_start"],
        ),
        Verb(
            "agent",
            "run what a registered W&B sweep has left, on this machine",
            "ID",
            ["agent entity/skeleton_lab/abcd1234"],
        ),
        Verb("runs", "list the finished runs (--json for programs)", "[PART_OF_NAME …]", ["runs", "runs sgn"], [JSON]),
        Verb(
            "predict",
            "what a trained model makes of your recordings (--plot draws what it attended to)",
            "MODEL_OR_RUN INPUT … [dataset=…] [window=60|running]",
            ["predict sgn /data/new_recordings", "predict gca_lstm /data/new_recordings --plot"],
            [JSON, PLOT],
        ),
        Verb(
            "export",
            "a trained network as files that run without this program",
            "MODEL_OR_RUN [dataset=…] [format=pt2]",
            ["export sgn", "export sgn format=pt2"],
        ),
        Verb(
            "prepare",
            "read a dataset's official files into a store, and make its films small",
            "DATASET [short_side=256]",
            ["prepare shrec2017 data_root=/data", "prepare florence3d data_root=/data short_side=256"],
        ),
        Verb(
            "doctor",
            "look for damage in a dataset or in one recording",
            "DATASET_OR_PATH",
            ["doctor shrec2017 data_root=/data", "doctor demo --json"],
            [JSON],
        ),
        Verb(
            "profile",
            "count a model's parameters and multiply–accumulates, and time it",
            "MODEL [batches=1,16] [key=value …]",
            ["profile adasgn", "profile adasgn_single joints=9 size=small --json"],
            [JSON],
        ),
        Verb(
            "bench",
            "time what is fast here beside its plain twin",
            "[NAME …]",
            ["bench", "bench parse --json"],
            [JSON],
        ),
    )
}
