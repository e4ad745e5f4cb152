"""The frame of an HTML page: one style for all, no scripts, no external resources, light and dark by CSS."""

from __future__ import annotations

from collections.abc import Iterable

from mergeguard.reporting.inert import attribute, html

_STYLE = """
:root { color-scheme: light dark; --bg: #fff; --fg: #1f2328; --dim: #59636e; --line: #d1d9e0;
  --panel: #f6f8fa; --add: #dafbe1; --del: #ffebe9; --up: #ddf4ff; --warn: #9a6700; --bad: #cf222e;
  --good: #1a7f37; --link: #0969da; }
@media (prefers-color-scheme: dark) { :root { --bg: #0d1117; --fg: #e6edf3; --dim: #9198a1;
  --line: #3d444d; --panel: #151b23; --add: #12361f; --del: #46181c; --up: #0c2d4d; --warn: #d29922;
  --bad: #f85149; --good: #3fb950; --link: #4493f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 110rem; padding: 1.5rem; background: var(--bg); color: var(--fg);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; }
a { color: var(--link); } .dim { color: var(--dim); }
.bad { color: var(--bad); } .warn { color: var(--warn); } .good { color: var(--good); }
code, pre, .view { font: 12.5px/1.45 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; }
table { border-collapse: collapse; } th { text-align: left; color: var(--dim); font-weight: 600; }
.list td, .list th { padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); }
.list td.n, .list th.n { text-align: right; }
.scroll { overflow-x: auto; }
article { border: 1px solid var(--line); border-radius: 6px; padding: .25rem 1rem 1rem; margin: 1rem 0; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem;
  overflow-x: auto; margin: .6rem 0; }
pre ins, pre del { display: block; text-decoration: none; }
ins { background: var(--add); } del { background: var(--del); text-decoration: none; }
details { margin: .6rem 0; } summary { cursor: pointer; }
.view { width: 100%; table-layout: fixed; border: 1px solid var(--line); }
.view th { padding: .3rem .5rem; background: var(--panel); font-family: system-ui, sans-serif; }
.view td { vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere; padding: 0 .4rem; }
.view td.no { color: var(--dim); text-align: right; width: 3.6rem; user-select: none;
  border-left: 1px solid var(--line); }
.view col.no { width: 3.6rem; }
.view tr.gap td { text-align: center; color: var(--dim); background: var(--panel); }
.view .add { background: var(--add); } .view .del { background: var(--del); }
.view .up { background: var(--up); }
@media print { body { max-width: none; } details { display: block; } }
"""


def page(title: str, version: str, body: Iterable[str]) -> str:
    """The whole document around the elements of ``body``; ``version`` is mergeguard's."""
    return (
        "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
        '<meta name=viewport content="width=device-width, initial-scale=1">\n'
        f"<meta name=generator content={attribute('mergeguard ' + version)}>\n"
        f"<title>{html(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )
