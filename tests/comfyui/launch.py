"""Prepares a ComfyUI base directory with this pack in it and starts the server there.

`dev.py comfyui` hands a person the same ComfyUI that the tests use:
`python -m comfyui.launch HOST --base DIR --port N --examples CHECKPOINT` with `tests` on the path.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACK_NAME = "tooncrafter"
FIRST_EXAMPLE = f"?template=interpolation&source={PACK_NAME}"
"""Of the page's address: it opens with that workflow in place of ComfyUI's own."""
FOLDERS = (
    "models/checkpoints",
    "models/clip_vision",
    "models/controlnet",
    "models/diffusion_models",
    "models/loras",
    "models/text_encoders",
    "models/vae",
    "input",
    "output",
    "temp",
    "custom_nodes",
    "user/default",
)
# Without these a first visitor's page opens a tutorial or a template browser over the canvas.
SETTINGS = {"Comfy.TutorialCompleted": True}
NOT_COPIED = (".git", ".venv", ".hosts", "out", "__pycache__")


def link_pack(pack: Path, custom_nodes: Path, name: str) -> None:
    """Put a pack into custom_nodes, as a link where the system allows one, else as a copy."""
    place = custom_nodes / name
    if place.is_symlink():
        place.unlink()
    elif place.exists():
        shutil.rmtree(place)
    try:
        place.symlink_to(pack, target_is_directory=True)
    except OSError:
        # Windows allows links only to administrators and in developer mode.
        shutil.copytree(pack, place, ignore=shutil.ignore_patterns(*NOT_COPIED))


def prepare_base(base: Path, extra_packs: Iterable[Path] = ()) -> Path:
    """Make the folders that ComfyUI looks into and put this pack and the extra ones there."""
    for folder in FOLDERS:
        (base / folder).mkdir(parents=True, exist_ok=True)
    settings = base / "user" / "default" / "comfy.settings.json"
    if not settings.exists():
        settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
    link_pack(PROJECT, base / "custom_nodes", PACK_NAME)
    for pack in extra_packs:
        link_pack(pack, base / "custom_nodes", pack.name)
    return base


def server_command(host: Path, base: Path, port: int, options: Sequence[str] = ()) -> list[str]:
    """Give the command line that starts ComfyUI on the CPU, away from network and home."""
    return [
        sys.executable,
        str(host / "main.py"),
        "--cpu",
        "--base-directory",
        str(base),
        "--port",
        str(port),
        "--disable-api-nodes",
        "--database-url",
        "sqlite:///:memory:",
        "--preview-method",
        "latent2rgb",
        *options,
    ]


def announce(server: subprocess.Popen[bytes], url: str) -> None:
    """Print the address that opens the first example as soon as the server answers.

    Below the server's own address, which opens a workflow for other models.
    """
    while server.poll() is None:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5):
                print(f"\nOpen the first example:  {url}/{FIRST_EXAMPLE}\n", flush=True)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Start a ComfyUI in the foreground until it is stopped with Ctrl+C."""
    parser = argparse.ArgumentParser(prog="comfyui.launch", description=main.__doc__)
    parser.add_argument("host", type=Path, help="folder that holds ComfyUI's main.py")
    parser.add_argument("--base", type=Path, required=True, help="folder for models and results")
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument(
        "--examples",
        type=Path,
        metavar="CHECKPOINT",
        help="put in whatever the example workflows need: this tiny checkpoint, further made-up "
        "weights, the drawings and clips",
    )
    options = parser.parse_args(arguments)
    base = prepare_base(options.base.resolve())
    if options.examples is not None:
        # It writes weights, which takes more than the standard library.
        from comfyui.examples import WHAT_IS_THERE, prepare

        prepare(base, options.examples)
        print(WHAT_IS_THERE, flush=True)
    command = server_command(options.host.resolve(), base, options.port)
    server = subprocess.Popen(command, cwd=options.host)
    try:
        announce(server, f"http://127.0.0.1:{options.port}")
        return server.wait()
    except KeyboardInterrupt:
        server.wait()  # which Ctrl+C has reached, too
        return 0


if __name__ == "__main__":
    sys.exit(main())
