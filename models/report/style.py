"""The page's style: light and dark, from a phone to a desk."""

from typing import Final

STYLE: Final = """\
:root {
  color-scheme: light dark; --page: #ffffff; --box: #f3f6f8; --ink: #22303a; --soft: #5a6b76;
  --line: #d9e1e6; --link: #1a6fa8;
}
@media (prefers-color-scheme: dark) { :root {
  --page: #151c21; --box: #1e272d; --ink: #e3eaee; --soft: #a3b2bb; --line: #34424b;
  --link: #6db7e6;
} }
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.2rem; max-width: 68rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0.3rem 0; }
h2 {
  font-size: 1.25rem; margin: 2.4rem 0 0.6rem; padding-top: 0.8rem;
  border-top: 1px solid var(--line);
}
p { margin: 0.5rem 0; max-width: 46rem; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; margin: 1rem 0; }
.lead { color: var(--soft); }
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
  border-bottom: 1px solid var(--line);
}
.data td, .data th { min-width: 4.2rem; }
thead th { color: var(--soft); font-weight: 600; overflow-wrap: normal; }
caption { caption-side: bottom; text-align: left; color: var(--soft); padding-top: 0.3rem; }
.plots {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr));
  gap: 1.4rem 2rem; align-items: start; margin: 1rem 0;
}
figure { margin: 0; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
figure.wide .scroll img { width: auto; max-width: none; }
figure h3 { font-size: 1rem; margin: 0 0 0.3rem; }
figure img { display: block; width: 100%; max-width: 30rem; height: auto; }
figcaption { color: var(--soft); font-size: 0.92rem; max-width: 46rem; margin-top: 0.2rem; }
.shots { display: flex; flex-wrap: wrap; gap: 0.7rem; }
.shots div { width: 88px; font-size: 0.8rem; text-align: center; }
.shots img { width: 72px; max-width: 72px; margin: 0 auto; border: 1px solid var(--line); }
.shots { margin: 0.5rem 0 1.2rem; }
footer { margin-top: 3rem; color: var(--soft); font-size: 0.85rem; }
"""
