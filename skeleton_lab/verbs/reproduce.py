"""`skeleton-lab reproduce TABLE`: train what the table misses, and print it beside the paper's numbers.

`keep=true` adds it to experiments/results.
"""

from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.assemble import plan_table
from skeleton_lab.reproduce.kept import keep, refuse_demo
from skeleton_lab.reproduce.page import page_console, print_table
from skeleton_lab.reproduce.show import table_folder, write_result
from skeleton_lab.reproduce.tables import Table, load_table
from skeleton_lab.verbs.arguments import Arguments

OWN_KEYS = ("dataset", "protocol", "seeds", "folds", "keep")


def run(arguments: Arguments) -> int:
    table, session, keeps = requested_table(arguments), arguments.session(), arguments.is_true("keep")
    sources, problems = session.prepare_all(table.recordings, table.scale, table.shows_films)
    if keeps:
        refuse_demo(sources.values())
    planned = plan_table(table, sources)
    if runs := [run for each in planned for run in each.runs]:
        problems += session.execute(runs).problems.values()
    result = write_result(table, planned, session.output_dir, problems)
    print_table(result, page_console())
    page = table_folder(table, session.output_dir) / "table.html"
    session.console.print(f"written to {page} and files beside it", soft_wrap=True, markup=False)
    if keeps:
        session.console.print(f"kept in {keep(result)}", soft_wrap=True, markup=False)
    return 1 if problems else 0


def requested_table(arguments: Arguments) -> Table:
    """The table as asked for: of which dataset, which seeds, and with which overrides."""
    name, dataset, seeds = arguments.name("table"), arguments.dataset(), arguments.seeds()
    protocol, folds = arguments.take("protocol"), arguments.folds()
    declared = load_table(name, arguments.scale, dataset, seeds, protocol=protocol, folds=folds)
    overrides = arguments.overrides(declared.models, OWN_KEYS)
    varied = sorted(key for key in overrides if {key, key.partition(".")[2]} & declared.varied)
    if varied:
        remedy = "use seeds=" if varied == ["seed"] else "train single runs with `skeleton-lab train`"
        raise RequestError(f"{varied[0]}: the rows of {name} differ in it, so it cannot be one value for all; {remedy}")
    return load_table(name, arguments.scale, dataset, seeds, overrides, protocol, folds)
