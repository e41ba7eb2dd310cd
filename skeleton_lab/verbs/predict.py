"""`skeleton-lab predict RUN_OR_MODEL INPUT…`: what a trained model makes of recordings, files or folders of them."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from data_modules.readers import reader_for
from data_modules.readers.reader import Reader
from data_modules.readers.unlabelled import recordings_below
from data_modules.settings import VideoSettings
from data_modules.store import Problem
from skeleton_lab.errors import RequestError
from skeleton_lab.files import write_whole
from skeleton_lab.reproduce.finished import Finished, find_finished
from skeleton_lab.reproduce.prediction import Predicted, Predictor, read_inputs, stored
from skeleton_lab.reproduce.progress import LiveProgress
from skeleton_lab.reproduce.session import Session
from skeleton_lab.reproduce.stream import Moment, Window, stream
from skeleton_lab.verbs.arguments import Arguments

OWN_KEYS = ("dataset", "window")
LIKELIEST = 5
# What a network of films is told to look at, where it is not both.
ALONE = {"rgb": ", which looks at films alone", "pose": ", which looks at poses alone"}
# Said of the quick way.
RUNNING = "by running sums: quick, and not what the network makes of the whole; window=60 is exact for 60 frames"
# Of more recordings, on a terminal, the likeliest class alone.
SHOWN_IN_FULL = 10
# What the name of a recording, perhaps a path, has and that of a picture has not.
NOT_IN_NAMES = re.compile(r"[^\w.-]+")


def run(arguments: Arguments) -> int:
    arguments.refuse_others(OWN_KEYS)
    if len(arguments.names) < 2:
        raise RequestError("give a model (or a run), and files or folders of recordings")
    name, *inputs = arguments.names
    session, window = arguments.session(), _window(arguments)
    finished = find_finished(name, session.output_dir, arguments.take("dataset"))
    reader = trained_on(finished, arguments)
    data = finished.settings.data
    filmed = isinstance(data, VideoSettings) and data.modality != "pose"
    with LiveProgress(session.console) as progress:
        paths = _paths(inputs, reader)
        sequences, problems = read_inputs(paths, reader, filmed, lambda *done: progress.preparing("recordings", *done))
    _complain(problems, session)
    if not sequences:
        raise RequestError(f"nothing to predict in {', '.join(inputs)}")
    with stored(sequences, reader) as store:
        predictor = Predictor(finished, reader, store, session.execution)
        if window is None:
            _show(predictor(LIKELIEST), finished, arguments.as_json)
        else:
            names = store.index.sample_id.tolist()
            _show_stream({name: stream(predictor, at, window) for at, name in enumerate(names)}, arguments.as_json)
            if window == "running":
                session.console.print(RUNNING, style="dim", highlight=False)
        if arguments.plot:
            _plot(predictor, finished, session)
    return 1 if problems else 0


def _window(arguments: Arguments) -> Window | None:
    return "running" if arguments.take("window") == "running" else arguments.whole_number("window")


def trained_on(finished: Finished, arguments: Arguments) -> Reader:
    """The reader of the run's dataset; of a user's own one where `dataset=` or DATA_ROOT says that it lies."""
    name = finished.settings.data.dataset
    reader = reader_for(arguments.known_dataset(arguments.take("dataset") or name))
    if reader.name != name:
        raise RequestError(f"dataset={reader.name}: {finished.name} was trained on {name}")
    return reader


def _paths(inputs: Sequence[str], reader: Reader) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, inputs):
        if not path.exists():
            raise RequestError(f"{path}: there is no such file or folder")
        found += recordings_below(path, reader) if path.is_dir() else [path]
    return found


def _complain(problems: Sequence[Problem], session: Session) -> None:
    for problem in problems:
        session.console.print(f"{problem.problem}; {problem.remedy}", soft_wrap=True, markup=False, highlight=False)


def _show(predicted: Sequence[Predicted], finished: Finished, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_json(each, finished) for each in predicted], ensure_ascii=False))
        return
    table = RichTable(box=None, padding=(0, 1), header_style="bold")
    table.add_column("recording", overflow="fold")
    table.add_column("class")
    table.add_column("probability", justify="right")
    in_full = len(predicted) <= SHOWN_IN_FULL
    for each in predicted:
        for number, (name, probability) in enumerate(each.likeliest[: None if in_full else 1]):
            table.add_row(
                Text("" if number else each.name), Text(name), f"{100 * probability:.1f} %", end_section=False
            )
    console = Console()
    console.print(table, highlight=False)
    settings = finished.settings
    console.print(
        f"by {finished.name}: {settings.name}, trained on {settings.data.dataset} at {settings.scale} scale"
        + (ALONE.get(settings.data.modality, "") if isinstance(settings.data, VideoSettings) else "")
        + ("" if in_full else f"; --json has the {LIKELIEST} likeliest classes of each"),
        style="dim",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _json(each: Predicted, finished: Finished) -> dict[str, object]:
    likeliest = [{"class": name, "probability": probability} for name, probability in each.likeliest]
    return {"recording": each.name, "run": finished.name, "likeliest": likeliest}


def _show_stream(moments: dict[str, list[Moment]], as_json: bool) -> None:
    """On a terminal, the stretches of frames in which the likeliest class is the same."""
    if as_json:
        print(json.dumps({name: [moment._asdict() for moment in found] for name, found in moments.items()}))
        return
    table = RichTable(box=None, padding=(0, 1), header_style="bold")
    for heading in ("recording", "frames", "class", "probability"):
        table.add_column(heading, overflow="fold")
    for name, found in moments.items():
        for number, stretch in enumerate(_stretches(found)):
            lowest, highest = (100 * f(moment.probability for moment in stretch) for f in (min, max))
            frames = f"{stretch[0].frame}–{stretch[-1].frame}"
            table.add_row(Text("" if number else name), frames, Text(stretch[0].name), f"{lowest:.0f}–{highest:.0f} %")
    Console().print(table, highlight=False)


def _stretches(moments: Sequence[Moment]) -> Iterator[list[Moment]]:
    stretch: list[Moment] = []
    for moment in moments:
        if stretch and moment.name != stretch[-1].name:
            yield stretch
            stretch = []
        stretch.append(moment)
    yield stretch


def _plot(predictor: Predictor, finished: Finished, session: Session) -> None:
    folder, predicted = session.output_dir / "predictions", predictor(1)
    taken: Counter[str] = Counter()
    with LiveProgress(session.console) as progress:
        for position, each in enumerate(predicted):
            progress.preparing("pictures", position, len(predicted))
            (name, probability), *_ = each.likeliest
            file = f"{finished.settings.name}-{NOT_IN_NAMES.sub('-', each.name).strip('-.')}"
            taken[file] += 1
            path = folder / (f"{file}.gif" if taken[file] == 1 else f"{file}-{taken[file]}.gif")
            heading = f"{Path(each.name).name}\n{name}, {100 * probability:.0f} %"
            write_whole(path, partial(predictor.animate, position, heading))
            session.console.print(f"drawn in {path}", soft_wrap=True, markup=False, highlight=False)
