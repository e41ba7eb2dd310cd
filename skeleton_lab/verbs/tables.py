"""`skeleton-lab tables [NAME]`: the tables as declared; `format=markdown` is the README's list of them."""

import json

from rich.table import Table as RichTable

from skeleton_lab.errors import unknown
from skeleton_lab.reproduce.listing import listing
from skeleton_lab.reproduce.page import page_console
from skeleton_lab.reproduce.report import declared_json, table_json
from skeleton_lab.reproduce.tables import load_table, table_names
from skeleton_lab.verbs.arguments import Arguments

MARKDOWN = "markdown"


def run(arguments: Arguments) -> int:
    arguments.refuse_others(("format",))
    if kind := arguments.take("format"):
        if kind != MARKDOWN:
            raise unknown("value of format", kind, [MARKDOWN])
        print(listing())
        return 0
    tables = [load_table(name, arguments.scale) for name in arguments.names or table_names()]
    if arguments.as_json:
        found = [{**table_json(table), "cells": [declared_json(cell) for cell in table.cells]} for table in tables]
        print(json.dumps(found, ensure_ascii=False))
        return 0
    listed = RichTable(box=None, padding=(0, 2))
    for heading in ("table", "dataset", "cells", "title"):
        listed.add_column(heading)
    for table in tables:
        listed.add_row(table.id, ", ".join(table.datasets), str(len(table.cells)), table.title)
    page_console().print(listed)
    return 0
