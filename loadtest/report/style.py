"""The page's style: light and dark, from a phone to a desk."""

from typing import Final

STYLE: Final = """\
:root {
  color-scheme: light dark; --page: #ffffff; --box: #f3f6f8; --ink: #22303a; --soft: #5a6b76;
  --line: #d9e1e6; --link: #1a6fa8; --good: #187a5c; --bad: #b3263a; --void: #8a5a00;
}
@media (prefers-color-scheme: dark) { :root {
  --page: #151c21; --box: #1e272d; --ink: #e3eaee; --soft: #a3b2bb; --line: #34424b;
  --link: #6db7e6; --good: #4cc49b; --bad: #f0808f; --void: #e6b450;
} }
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.2rem; max-width: 68rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0.3rem 0; }
h2 {
  font-size: 1.25rem; margin: 2.2rem 0 0.6rem; padding-top: 0.8rem;
  border-top: 1px solid var(--line);
}
p { margin: 0.5rem 0; max-width: 46rem; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; margin: 1rem 0; }
.lead { color: var(--soft); }
.passed { color: var(--good); } .failed { color: var(--bad); } .invalid { color: var(--void); }
.kind {
  display: inline-block; border: 1px solid var(--line); border-radius: 4px; padding: 0 0.4rem;
  color: var(--soft); font-size: 0.8rem; font-weight: normal; vertical-align: middle;
}
.summary {
  background: var(--box); border: 1px solid var(--line); border-radius: 8px;
  padding: 0.6rem 1rem; margin: 1rem 0;
}
.summary th {
  text-align: left; color: var(--soft); font-weight: normal; white-space: nowrap;
  padding-right: 1.2rem; width: 1%;
}
.summary td, .summary th { border: 0; }
.scroll { overflow-x: auto; margin: 0.8rem 0; }
table { border-collapse: collapse; font-size: 0.92rem; width: 100%; }
th, td {
  text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums;
}
.data td, .data th { min-width: 4rem; }
thead th { color: var(--soft); font-weight: 600; }
caption { caption-side: bottom; text-align: left; color: var(--soft); padding-top: 0.3rem; }
.plots {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 28rem), 1fr));
  gap: 1.4rem 2rem; align-items: start; margin: 1rem 0;
}
figure { margin: 0; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
figure.wide .scroll img { max-width: none; min-width: 36rem; }
figure h3 { font-size: 1rem; margin: 0 0 0.3rem; }
figure img { display: block; width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: 0.92rem; max-width: 46rem; margin-top: 0.2rem; }
pre {
  background: var(--box); border: 1px solid var(--line); border-radius: 8px; padding: 0.8rem 1rem;
  overflow-x: auto; font: 0.85rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace;
  overflow-wrap: normal;
}
summary { cursor: pointer; color: var(--soft); margin-bottom: 0.6rem; }
footer { margin-top: 3rem; color: var(--soft); font-size: 0.85rem; }
"""
