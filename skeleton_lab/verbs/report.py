"""`skeleton-lab report TABLE`: print a table from finished runs; `keep=true` adds it to experiments/results.

Without a table: a page that lists those that are there, and says how much of each paper is reproduced.
"""

from skeleton_lab.errors import RequestError
from skeleton_lab.reproduce.assemble import plan_table
from skeleton_lab.reproduce.index_page import write_index
from skeleton_lab.reproduce.kept import keep
from skeleton_lab.reproduce.page import page_console, print_table
from skeleton_lab.reproduce.runs import folder_of
from skeleton_lab.reproduce.show import table_folder, write_result
from skeleton_lab.verbs.arguments import Arguments
from skeleton_lab.verbs.reproduce import requested_table


def run(arguments: Arguments) -> int:
    if not arguments.names:
        arguments.refuse_others()
        session = arguments.session()
        path = write_index(session.output_dir)
        session.console.print(f"written to {path}", soft_wrap=True, markup=False)
        return 0
    table, session, keeps = requested_table(arguments), arguments.session(), arguments.is_true("keep")
    sources, problems = session.prepare_all(table.recordings, table.scale, table.shows_films)
    planned = plan_table(table, sources)
    folder = table_folder(table, session.output_dir)
    runs = [run for each in planned for run in each.runs]
    finished = any(folder_of(run, session.output_dir).is_finished for run in runs)
    if runs and not finished and (folder / "table.json").exists():
        raise RequestError(f"none of its runs with these settings is finished; what {folder} holds stays as it is")
    result = write_result(table, planned, session.output_dir, problems, may_time=False)
    print_table(result, page_console())
    if keeps:
        session.console.print(f"kept in {keep(result)}", soft_wrap=True, markup=False)
    return 0
