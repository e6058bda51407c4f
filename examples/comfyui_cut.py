"""Draws a cut with a ComfyUI that is running, from a program: upload, queue, follow, fetch.

    pip install requests websocket-client
    python examples/comfyui_cut.py http://127.0.0.1:8188 KEYS --frames 1,13,25 --on 2 -o OUT

A starting point for a studio's own tools: it uses ComfyUI's API alone, and nothing of this project.
"""

import argparse
import json
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import requests
import websocket

Prompt = dict[str, dict[str, Any]]

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
SECONDS = 60
"""How long the server may take for an answer."""
LOADER, KEYS, CUT, DRAWINGS, SHEET = "loader", "keys", "cut", "drawings", "sheet"


class ServerError(Exception):
    """What the server refused, or what failed there."""


class Server:
    """A ComfyUI server."""

    def __init__(self, address: str) -> None:
        """``address`` such as ``http://127.0.0.1:8188``."""
        self.address = address.rstrip("/")
        self.client = uuid.uuid4().hex
        self._session = requests.Session()

    def get(self, route: str, **parameters: str) -> requests.Response:
        """Ask for a route; ``requests.HTTPError`` where the server has none."""
        answer = self._session.get(self.address + route, params=parameters, timeout=SECONDS)
        answer.raise_for_status()
        return answer

    def with_defaults(self, node: str, **given: Any) -> dict[str, Any]:
        """A node of a prompt, whose required inputs have the server's own defaults where not given.

        ``ServerError`` for a node that the server does not have.
        """
        info = self.get(f"/object_info/{node}").json().get(node)
        if info is None:
            raise ServerError(f"The server has no node {node}: is ToonCrafter installed there?")
        inputs = {}
        for name, described in info["input"].get("required", {}).items():
            kind, options = described[0], (described[1] if len(described) > 1 else {})
            if isinstance(kind, list):
                options = {"default": kind[0], **options} if kind else options
            elif kind == "COMBO" and options.get("options"):
                options = {"default": options["options"][0], **options}
            if "default" in options:
                inputs[name] = options["default"]
        return {"class_type": node, "inputs": {**inputs, **given}}

    def upload(self, file: Path, folder: str) -> None:
        """Put a picture into a folder of the server's input folder."""
        with file.open("rb") as content:
            answer = self._session.post(
                f"{self.address}/upload/image",
                files={"image": (file.name, content)},
                data={"subfolder": folder, "type": "input", "overwrite": "true"},
                timeout=SECONDS,
            )
        answer.raise_for_status()

    def queue(self, prompt: Prompt) -> str:
        """Queue a prompt, and give its id; ``ServerError`` says what the server refuses."""
        answer = self._session.post(
            f"{self.address}/prompt",
            json={"prompt": prompt, "client_id": self.client},
            timeout=SECONDS,
        )
        if answer.status_code == 400:
            refused = answer.json()
            errors = [error for node in refused.get("node_errors", {}).values()
                      for error in node["errors"]]  # fmt: skip
            said = [f"{error['message']}: {error['details']}" for error in errors]
            raise ServerError("; ".join(said) or refused["error"]["message"])
        answer.raise_for_status()
        return answer.json()["prompt_id"]

    def connect(self) -> websocket.WebSocket:
        """Open the socket on which the server says what happens; before a prompt is queued."""
        address = self.address.replace("http", "ws", 1)
        connection = websocket.create_connection(f"{address}/ws?clientId={self.client}")
        connection.settimeout(None)
        return connection

    def events(self, connection: websocket.WebSocket, prompt: str) -> Iterator[tuple[str, str]]:
        """Which node begins, and how far it is, to the end; ``ServerError`` where one fails."""
        while True:
            message = connection.recv()
            if not isinstance(message, str):
                continue  # A preview.
            event = json.loads(message)
            kind, data = event["type"], event.get("data") or {}
            if data.get("prompt_id") != prompt:
                continue
            if kind == "execution_error":
                raise ServerError(data["exception_message"].strip())
            if kind == "execution_interrupted":
                raise ServerError("Somebody interrupted it.")
            if kind == "progress":
                yield str(data["node"]), f"{data['value']} of {data['max']}"
            elif kind == "executing":
                if data.get("node") is None:
                    return
                yield str(data["node"]), ""

    def results(self, prompt: str, node: str) -> dict[str, Any]:
        """What an output node has saved."""
        history = self.get(f"/history/{prompt}").json()[prompt]
        return history["outputs"].get(node, {})


def cut_prompt(server: Server, folder: str, **timing: Any) -> Prompt:
    """A folder of keys to drawings and a sheet; what is not given is the node's own default."""
    model = {name: [LOADER, n] for n, name in enumerate(("model", "clip", "clip_vision", "vae"))}
    return {
        LOADER: server.with_defaults("ToonCrafterLoader"),
        KEYS: server.with_defaults("ToonCrafterLoadKeys", folder=folder),
        CUT: server.with_defaults(
            "ToonCrafterCut", **model, keys=[KEYS, 0], names=[KEYS, 2], **timing
        ),
        DRAWINGS: server.with_defaults(
            "SaveImage", images=[CUT, 1], filename_prefix=f"{folder}/drawing"
        ),
        SHEET: server.with_defaults(
            "ToonCrafterSaveSheet", sheet=[CUT, 2], filename_prefix=f"{folder}/sheet"
        ),
    }


def draw_cut(server: Server, keys: Path, out: Path, **timing: Any) -> Iterator[str]:
    """Draw a cut, and save its drawings into ``out``; gives a line for everything that happens."""
    files = sorted(path for path in keys.iterdir() if path.suffix.lower() in ENDINGS)
    folder = f"cut_{uuid.uuid4().hex[:8]}"
    for file in files:
        server.upload(file, folder)
    yield f"{len(files)} keys are in the input folder '{folder}'"
    prompt = cut_prompt(server, folder, **timing)
    connection = server.connect()
    try:
        queued = server.queue(prompt)
        for node, progress in server.events(connection, queued):
            yield f"{node}: {progress}" if progress else f"{node} begins"
    finally:
        connection.close()
    out.mkdir(parents=True, exist_ok=True)
    saved = server.results(queued, DRAWINGS).get("images", [])
    for number, record in enumerate(saved, start=1):
        (out / f"{number:04d}.png").write_bytes(server.get("/view", **record).content)
    sheet = server.results(queued, SHEET).get("text", [])
    yield f"{len(saved)} drawings are in '{out}', the sheet is on the server: {', '.join(sheet)}"


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and draw; 1 with the server's words where something fails."""
    parser = argparse.ArgumentParser(description="Draw a cut with a running ComfyUI.")
    parser.add_argument("server", help="its address, such as http://127.0.0.1:8188")
    parser.add_argument("keys", type=Path, help="a folder with the keys")
    parser.add_argument("--frames", required=True, help="where each key is shown, as in 1,13,25")
    parser.add_argument("--on", type=int, default=2, help="frames that each drawing stays (2)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", default="256x160", help="of the drawings (256x160)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder for them")
    args = parser.parse_args(words)
    width, height = map(int, args.size.split("x"))
    timing = {"frames": args.frames, "on": args.on, "seed": args.seed, "width": width,
              "height": height}  # fmt: skip
    try:
        for line in draw_cut(Server(args.server), args.keys, args.output, **timing):
            print(line, flush=True)
    except (ServerError, OSError, websocket.WebSocketException) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
