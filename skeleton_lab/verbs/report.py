"""`skeleton-lab report TABLE`: print a table from finished runs; `keep=true` adds it to experiments/results."""

from rich.console import Console

from skeleton_lab.reproduce.assemble import plan_table
from skeleton_lab.reproduce.kept import keep
from skeleton_lab.reproduce.page import print_table
from skeleton_lab.reproduce.show import write_result
from skeleton_lab.verbs.arguments import Arguments
from skeleton_lab.verbs.reproduce import requested_table


def run(arguments: Arguments) -> int:
    table, session = requested_table(arguments), arguments.session()
    planned = plan_table(table, {table.recordings: session.prepare(table.recordings, table.scale)})
    result = write_result(table, planned, session.output_dir)
    print_table(result, Console())
    if arguments.take("keep") == "true":
        session.console.print(f"kept in {keep(result)}", soft_wrap=True, markup=False)
    return 0
