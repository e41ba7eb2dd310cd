"""`skeleton-lab runs [PART_OF_NAME]`: the finished runs of the store."""

import json

from skeleton_lab.reproduce.runs import finished_runs
from skeleton_lab.verbs.arguments import Arguments


def run(arguments: Arguments) -> int:
    arguments.refuse_others()
    output_dir = arguments.session().output_dir
    found = [
        (folder.path.name, folder.result())
        for folder in finished_runs(output_dir)
        if all(part in folder.path.name for part in arguments.names)
    ]
    if arguments.as_json:
        print(json.dumps([{"run": name, **result} for name, result in found], ensure_ascii=False))
        return 0
    for name, result in found:
        print(f"{name}  top1 {result['metrics']['top1']:.2f}  {result['provenance']['started']}")
    print(f"{len(found)} finished runs in {output_dir / 'runs'}")
    return 0
