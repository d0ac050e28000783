"""The style sheet of the page: light and dark, for a screen and for paper."""

from __future__ import annotations

__all__ = ["PICTURE", "STYLE"]

_ROOT = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --faint: #59636e; --rule:
  #d1d9e0; --soft: #f6f8fa; --good: #116329; --bad: #a40e26; --warn: #7d4e00; --c0: #0072b2;
  --c1: #c04f00; --c2: #007a5a; --c3: #a8477f; --c4: #946200; --c5: #59636e; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0f1419; --ink: #e6edf3; --faint: #9aa4ae; --rule: #333c46; --soft: #171d24;
    --good: #56d364; --bad: #ff8b83; --warn: #e3b341; --c0: #56b4e9; --c1: #ff9e5e; --c2:
    #2fd3a3; --c3: #e29bc4; --c4: #f0c34b; --c5: #9aa4ae; }
}
"""

_PAGE = """
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 64rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; padding-bottom: .2rem; border-bottom: 1px solid
  var(--rule); }
p { margin: .4rem 0; overflow-wrap: anywhere; }
.verdict { font-size: 1.1rem; border-left: .3rem solid var(--faint); padding: .3rem .8rem;
  margin: .8rem 0; background: var(--soft); }
.verdict.good { border-color: var(--good); }
.verdict.bad { border-color: var(--bad); }
.verdict b { text-transform: uppercase; letter-spacing: .03em; }
.good b, .holds { color: var(--good); }
.bad b, .fails { color: var(--bad); }
.warning { color: var(--warn); }
.faint { color: var(--faint); font-size: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .95rem; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; white-space: nowrap; }
th { font-weight: 600; }
td.long { white-space: normal; min-width: 16rem; overflow-wrap: anywhere; }
ul { padding-left: 1.2rem; margin: .4rem 0; }
li { margin: .2rem 0; overflow-wrap: anywhere; }
pre { background: var(--soft); border: 1px solid var(--rule); border-radius: 4px; padding:
  .7rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; font: .85rem/1.45
  ui-monospace, monospace; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%),
  1fr)); gap: 1rem; }
nav + article, article + article { margin-top: 3rem; }
figure { margin: 0; break-inside: avoid; }
figcaption { color: var(--faint); font-size: .9rem; }
"""

_MARKS = """
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.grid { stroke: var(--rule); stroke-width: 1; opacity: .7; }
.frame { fill: none; stroke: var(--faint); }
.line { fill: none; stroke-width: 2; }
.dashed { stroke-dasharray: 5 4; stroke-width: 1.2; }
.line.c0 { stroke: var(--c0); }
.line.c1 { stroke: var(--c1); }
.line.c2 { stroke: var(--c2); }
.line.c3 { stroke: var(--c3); }
.line.c4 { stroke: var(--c4); }
.line.c5 { stroke: var(--c5); }
circle.c0, .band.c0 { fill: var(--c0); }
circle.c1, .band.c1 { fill: var(--c1); }
circle.c2, .band.c2 { fill: var(--c2); }
circle.c3, .band.c3 { fill: var(--c3); }
circle.c4, .band.c4 { fill: var(--c4); }
circle.c5, .band.c5 { fill: var(--c5); }
.band { opacity: .22; stroke: none; }
.cell { stroke: var(--rule); }
.pos { fill: var(--c0); }
.neg { fill: var(--c1); }
"""

_PRINT = """
@media print {
  :root { --paper: #fff; --ink: #000; --faint: #444; --rule: #bbb; --soft: #fff; --good:
    #116329; --bad: #a40e26; --warn: #7d4e00; --c0: #0072b2; --c1: #c04f00; --c2: #007a5a; --c3:
    #a8477f; --c4: #946200; --c5: #444; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h2 { break-after: avoid; }
  tr { break-inside: avoid; }
  .figures { grid-template-columns: 1fr 1fr; }
  article + article { break-before: page; }
}
"""

STYLE = _ROOT + _PAGE.lstrip() + _MARKS.lstrip() + _PRINT.lstrip()
"""Colours of Okabe and Ito (2008), which people see apart whatever colours they do not see; in the
light they are dark enough for thin lines."""

PICTURE = _ROOT + _MARKS.lstrip()
"""The style of a picture that stands alone."""
