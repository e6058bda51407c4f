"""The page about an episode: every cut with its player, its state and what it took.

Small pictures are within the page; films and the pages of cuts lie in its folder, and are loaded
when somebody asks for them. Nothing comes from elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from ..results.page import page_of

STYLE = """
:root { color-scheme: light dark; font: 14px/1.4 system-ui, sans-serif }
body { margin: 1.5rem } h1 { font-size: 1.4rem }
#filters { position: sticky; top: 0; background: Canvas; padding: .5rem 0; display: flex;
  gap: 1rem; align-items: center; flex-wrap: wrap }
#cuts { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem }
article { border: 1px solid #8886; border-radius: 4px; padding: .6rem; content-visibility: auto;
  contain-intrinsic-size: 15rem 16rem }
article.failed { border-color: #c33; border-width: 2px }
article h2 { font-size: 1rem; margin: 0 0 .4rem; overflow-wrap: anywhere }
article img, article video { width: 100%; max-height: 12rem; object-fit: contain;
  background: repeating-conic-gradient(#ccc 0 25%, #fff 0 50%) 0 0/16px 16px }
article button { display: block; width: 100%; padding: 0; border: 0; cursor: pointer }
article p { margin: .3rem 0 0 } .error { color: #c33; overflow-wrap: anywhere }
"""

SCRIPT = """
const cuts = [...document.querySelectorAll('article')];
const words = document.getElementById('words'), state = document.getElementById('state');
const shown = document.getElementById('shown');
function filter() {
  const wanted = words.value.trim().toLowerCase().split(/\\s+/);
  let count = 0;
  for (const cut of cuts) {
    const text = cut.textContent.toLowerCase();
    const fits = (!state.value || cut.className === state.value)
      && wanted.every(word => text.includes(word));
    cut.hidden = !fits;
    count += fits;
  }
  shown.textContent = `${count} of ${cuts.length}`;
}
words.addEventListener('input', filter);
state.addEventListener('change', filter);
document.getElementById('cuts').addEventListener('click', event => {
  const button = event.target.closest('button[data-film]');
  if (!button) return;
  const film = document.createElement('video');
  film.src = button.dataset.film;
  film.controls = film.loop = film.autoplay = film.muted = true;
  button.replaceWith(film);
});
filter();
"""

STATES = {
    "failed": "failed",
    "waiting": "not finished",
    "written": "finished",
}
"""What a cut can be, what needs a look first."""


@dataclass(frozen=True, kw_only=True)
class CutRow:
    """What is shown of one cut."""

    name: str
    errors: Sequence[str] = ()
    is_written: bool = False
    """Whether it has results; with errors these are of an earlier run."""
    frames: int | None = None
    segments: int = 0
    seconds: float = 0.0
    """That its segments took."""
    drift: tuple[float, float] | None = None
    """The mean difference to the colours of the keys before and after colour lock, CIEDE2000."""
    ranks: str = ""
    """Which candidates are shown."""
    picture: str = ""
    """A small picture as a data address."""
    film: str | None = None
    """Where its film lies from the page on; so does its own page."""
    page: str | None = None

    @property
    def state(self) -> str:
        """A name of ``STATES``."""
        if self.errors:
            return "failed"
        return "written" if self.is_written else "waiting"


def episode_page(title: str, rows: Sequence[CutRow], summary: str) -> str:
    """The page; cuts that failed come first, each group in the order that is given."""
    order = list(STATES)
    counts = {state: sum(row.state == state for row in rows) for state in order}
    options = "".join(
        f'<option value="{state}">{STATES[state]} ({counts[state]})</option>' for state in order
    )
    listed = sorted(rows, key=lambda row: order.index(row.state))
    body = (
        f"<h1>{escape(title)}</h1><p>{escape(summary)}</p>\n"
        '<div id="filters"><label>Search <input id="words" type="search"></label>'
        f'<label>State <select id="state"><option value="">all ({len(rows)})</option>{options}'
        '</select></label><span id="shown"></span></div>\n'
        f'<div id="cuts">\n{"".join(map(_article, listed))}</div>'
    )
    return page_of(escape(title), body, style=STYLE, script=SCRIPT, also="media-src 'self' file:; ")


def _article(row: CutRow) -> str:
    name = escape(row.name)
    heading = f'<a href="{_address(row.page)}">{name}</a>' if row.page else name
    picture = f'<img alt="" src="{row.picture}">' if row.picture else ""
    if row.film:
        label = f'aria-label="Play {name}" title="Play"'
        picture = f'<button data-film="{_address(row.film)}" {label}>{picture or "Play"}</button>'
    said = [f'<p class="error">{escape(error)}</p>' for error in row.errors]
    said.append(f"<p>{escape(_facts(row))}</p>")
    return f'<article class="{row.state}"><h2>{heading}</h2>{picture}{"".join(said)}</article>\n'


def _facts(row: CutRow) -> str:
    facts = [STATES[row.state]]
    if row.errors and row.is_written:
        facts.append("results are of an earlier run")
    if row.frames is not None:
        facts.append(f"{row.frames} frames, {row.segments} segments")
    if row.seconds:
        facts.append(f"drawn in {row.seconds:.0f} s")
    if row.drift is not None:
        before, after = row.drift
        facts.append(f"colour drift {before:.2f}, {after:.2f} after colour lock")
    if row.ranks:
        facts.append(row.ranks)
    return "; ".join(facts)


def _address(path: str) -> str:
    """A path within the folder as an address: no letter of it means anything else there."""
    return quote(f"./{path}")
