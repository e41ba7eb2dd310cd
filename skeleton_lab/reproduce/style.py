"""How the pages look: of tables, and the one that lists them. Wide and narrow, light and dark."""

from html import escape

STYLE = """
:root { color-scheme: light dark; --text: #1c2330; --soft: #667085; --line: #dde2ea; --page: #fff; --note: #fff3cd;
  --reproduced: #17803d; --better: #0b6fa4; --gap: #b42318; --first: #1f77b4; --second: #d97706; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7ec; --soft: #98a2b3; --line: #344054; --page: #14181f;
  --note: #4a3a08; --reproduced: #4ade80; --better: #5cc8f5; --gap: #ff8a7a; --first: #6ab7f0; --second: #fbbf5a; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: var(--text);
  background: var(--page); overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; }
.caution { background: var(--note); padding: .6rem 1rem; border-left: 4px solid #e0a800; }
.wide { overflow-x: auto; } pre { overflow-x: auto; padding: .6rem 1rem; border: 1px solid var(--line); }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); }
th { text-align: left; overflow-wrap: normal; } thead th, td { text-align: right; }
tbody th { min-width: 9rem; position: sticky; left: 0; background: var(--page); }
thead th { max-width: 8rem; vertical-align: bottom; }
thead th:first-child, th.text { text-align: left; }
 td { font-variant-numeric: tabular-nums; white-space: nowrap; }
td small { color: var(--soft); } .verdict { font-size: .75rem; color: var(--soft); } .none { color: var(--soft); }
.reproduced .verdict, span.reproduced { color: var(--reproduced); }
.better .verdict, span.better { color: var(--better); }
.gap .verdict, span.gap { color: var(--gap); }
td.reproduced { box-shadow: inset 3px 0 var(--reproduced); } td.better { box-shadow: inset 3px 0 var(--better); }
td.gap { box-shadow: inset 3px 0 var(--gap); }
img { max-width: 100%; background: #fff; } summary { cursor: pointer; } summary small { color: var(--soft); }
.run { display: flex; flex-wrap: wrap; gap: 1.5rem; margin: .5rem 0 1.5rem; } figure { margin: 0; width: 15rem; }
figcaption { font-size: .8rem; color: var(--soft); } svg { width: 100%; border: 1px solid var(--line); }
polyline { fill: none; stroke-width: 1.5; }
polyline.curve0 { stroke: var(--first); } polyline.curve1 { stroke: var(--second); }
span.curve0 { color: var(--first); } span.curve1 { color: var(--second); } a { color: var(--better); }
.matrix { width: 100%; image-rendering: pixelated; border: 1px solid var(--line); } .classes { font-size: .85rem; }
td.text { text-align: left; white-space: normal; min-width: 9rem; }
.classes th, .classes td { padding: .05rem .7rem; } footer { color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) { body { margin: 1rem auto; } th, td { padding: .3rem .25rem; font-size: .8rem; }
  tbody th { min-width: 5rem; max-width: 8rem; } ul { padding-left: 1.2rem; }
  .list thead { display: none; } .list tr, .list th, .list td.text { display: block; max-width: none; border: 0; }
  .list tr { border-bottom: 1px solid var(--line); padding: .3rem 0; } .list th, .list td.text { padding: .1rem 0; } }
"""


def html_page(title: str, body: str) -> str:
    """A whole page that needs nothing beside it."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    return f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>"
