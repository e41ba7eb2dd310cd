"""Where a dataset's recordings come from: the user's DATA_ROOT, or the demo world where there is none."""

from dataclasses import dataclass
from pathlib import Path

from data_modules.demo import write_demo
from data_modules.prepare import Progress, prepare
from data_modules.readers import reader_for
from data_modules.store import Store
from skeleton_lab.config import declaration


@dataclass(frozen=True, eq=False)
class Source:
    """A prepared dataset, and whether it is of the demo world."""

    dataset: str
    store: Store
    is_demo: bool

    @property
    def label(self) -> str:
        return "demo data" if self.is_demo else "real recordings"


def prepared(
    dataset: str,
    data_root: Path | None,
    output_dir: Path,
    scale: str,
    progress: Progress = lambda done, total: None,
) -> Source:
    """The dataset below `data_root`, prepared; without a data root (and for `demo` itself), the demo world's version.

    Raises DatasetMissingError when `data_root` is given but does not hold the dataset.
    """
    reader = reader_for(dataset)
    if data_root is not None and dataset != "demo":
        return Source(dataset, prepare(reader, data_root, output_dir, progress), is_demo=False)
    world = declaration("scales", scale).demo_world
    folder = output_dir / "demo_world" / f"{dataset}-{world.clips}-{world.seed}"
    root = write_demo(dataset, folder, world.clips, world.seed)
    return Source(dataset, prepare(reader, root, output_dir, progress), is_demo=True)
