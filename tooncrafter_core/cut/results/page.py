"""The look of a cut's page and its player: a frame of HTML that holds no text of files."""

import base64
import hashlib

STYLE = """
:root { color-scheme: light dark; font: 14px/1.4 system-ui, sans-serif }
body { margin: 1.5rem; max-width: 80rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
#top { display: flex; gap: 2rem; flex-wrap: wrap; align-items: flex-start }
#screen { width: min(36rem, 90vw); border: 1px solid #8888 }
#screen, figure img { background: repeating-conic-gradient(#ccc 0 25%, #fff 0 50%) 0 0/16px 16px }
#bar { display: flex; gap: .5rem; align-items: center; margin-top: .5rem }
#bar input { flex: 1 }
#sheet { max-height: 28rem; overflow: auto; border: 1px solid #8888 }
table { border-collapse: collapse } td, th { padding: .1rem .7rem; text-align: left }
th { position: sticky; top: 0; background: Canvas }
#sheet tr { cursor: pointer } #sheet tr.now { background: #4a90d955 }
.key td:nth-child(3) { font-weight: bold }
#drawings { display: flex; flex-wrap: wrap; gap: .8rem }
figure { margin: 0; width: 12rem } figure img { width: 100% } figcaption { font-size: .85rem }
#segments td { vertical-align: top; border-top: 1px solid #8884 }
"""

SCRIPT = """
const film = document.getElementById('film').dataset;
const shown = film.frames.split(' ').map(Number), fps = Number(film.fps);
const images = [...document.querySelectorAll('#drawings img')].map(image => image.src);
const rows = [...document.querySelectorAll('#sheet tbody tr')];
const screen = document.getElementById('screen'), place = document.getElementById('place');
const play = document.getElementById('play'), label = document.getElementById('label');
let now = -1, began = 0, first = 0, running = false;
function show(frame) {
  if (frame === now) return;
  if (rows[now]) rows[now].classList.remove('now');
  now = frame;
  const drawing = shown[now];
  screen.style.visibility = drawing < 0 ? 'hidden' : 'visible';
  if (drawing >= 0) screen.src = images[drawing];
  place.value = now;
  label.textContent = rows[now].dataset.label;
  rows[now].classList.add('now');
  if (!running) rows[now].scrollIntoView({block: 'nearest'});
}
function step(time) {
  if (!running) return;
  // The time of a picture may lie before the click that it answers.
  const passed = Math.max(0, time - began);
  show((first + Math.floor(passed / 1000 * fps)) % shown.length);
  requestAnimationFrame(step);
}
function go(frame) { running = false; play.textContent = 'Play'; show(frame); }
play.addEventListener('click', () => {
  running = !running;
  play.textContent = running ? 'Stop' : 'Play';
  began = performance.now(); first = now;
  requestAnimationFrame(step);
});
place.addEventListener('input', () => go(Number(place.value)));
document.getElementById('back').addEventListener(
  'click', () => go((now + shown.length - 1) % shown.length));
document.getElementById('on').addEventListener('click', () => go((now + 1) % shown.length));
rows.forEach((row, frame) => row.addEventListener('click', () => go(frame)));
show(0);
"""


def page_of(
    title: str, body: str, *, style: str = STYLE, script: str = SCRIPT, also: str = ""
) -> str:
    """A whole page; title and body are HTML already.

    It loads nothing from elsewhere, and no script but its own runs in it. ``also`` is what else
    its content policy allows, such as films of its folder.
    """
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; {also}style-src 'unsafe-inline'; "
        f"script-src 'sha256-{own}'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title><style>{style}</style></head>\n"
        f"<body>\n{body}\n<script>{script}</script></body></html>\n"
    )
