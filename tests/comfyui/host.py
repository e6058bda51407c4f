"""A ComfyUI server under test: start it, send it prompts, and see what came back.

    with Host(folder) as host:
        name = host.upload_image("first.png", array)
        result = host.run(prompt)
        picture = host.download(result.images("9")[0])

A prompt that the server refuses or that fails is not an exception: the result says so.
"""

import io
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import requests
import websocket
from PIL import Image

from comfyui.launch import prepare_base, server_command

Prompt = dict[str, dict[str, Any]]

BOOT_TIMEOUT = 180.0
LOG_TAIL = 60
# Binary messages open with their kind, four bytes; 1 and 4 are preview pictures.
PREVIEW_KINDS = (1, 4)


@dataclass
class RunResult:
    """What one prompt did, from the websocket and the history."""

    prompt_id: str = ""
    status: str = "pending"
    """success, error, interrupted or invalid (refused before it ran)."""
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each output node showed, by node id."""
    progress: list[dict[str, Any]] = field(default_factory=list)
    """Every progress message: value, max and node."""
    preview_sizes: list[int] = field(default_factory=list)
    """Bytes of every preview picture, in order of arrival."""
    error: dict[str, Any] | None = None
    """node_id, node_type, exception_type, exception_message and traceback of a failure."""
    validation: dict[str, Any] | None = None
    """The body of the answer that refused the prompt or a branch of it: error, node_errors."""
    executed: list[str] = field(default_factory=list)
    """Ids of the nodes that ran; a node taken from the cache is not among them."""
    elapsed: float = 0.0
    done: threading.Event = field(default_factory=threading.Event, repr=False)
    started: float = field(default_factory=time.monotonic, repr=False)

    def images(self, node_id: str) -> list[dict[str, str]]:
        """Give the picture records of an output node; `Host.download` fetches them."""
        return self.outputs.get(node_id, {}).get("images", [])


def find_free_port() -> int:
    """Ask the system for a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Host:
    """A ComfyUI server with this pack in it, in a base directory of its own."""

    def __init__(
        self,
        folder: str | Path,
        extra_packs: Iterable[Path] = (),
        options: Sequence[str] = (),
        base: Path | None = None,
    ) -> None:
        self.folder = Path(folder).resolve()
        self.extra_packs = tuple(extra_packs)
        self.options = tuple(options)
        self.owns_base = base is None
        self.base = base or Path(tempfile.mkdtemp(prefix="comfyui-base-"))
        self.log_path = self.base / "server.log"
        self.port = find_free_port()
        self.client_id = uuid.uuid4().hex
        self.boot_seconds = 0.0
        self._results: dict[str, RunResult] = {}
        self._running = RunResult()
        self._lock = threading.Lock()
        self._session = requests.Session()
        # A proxy set for the outside world must not answer for this machine.
        self._session.trust_env = False
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: websocket.WebSocket | None = None

    @property
    def url(self) -> str:
        """The address of the page and of every route."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Host":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # Life of the server

    def start(self) -> None:
        """Start the server and wait until it answers; its log is shown if it does not."""
        if not (self.folder / "main.py").is_file():
            raise FileNotFoundError(
                f"{self.folder} holds no ComfyUI (no main.py). Run 'python dev.py env' first."
            )
        prepare_base(self.base, self.extra_packs)
        begin = time.monotonic()
        with open(self.log_path, "wb") as log:
            self._process = subprocess.Popen(
                server_command(self.folder, self.base, self.port, self.options),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        try:
            self._wait_until_ready(begin)
            self._listen()
        except BaseException:
            self.stop()
            raise
        self.boot_seconds = time.monotonic() - begin

    def _wait_until_ready(self, begin: float) -> None:
        """Ask for the statistics page until the server answers."""
        assert self._process is not None
        while True:
            code = self._process.poll()
            if code is not None:
                raise RuntimeError(f"ComfyUI ended with code {code} at start:\n{self.log_tail()}")
            try:
                if self._session.get(f"{self.url}/system_stats", timeout=5).ok:
                    return
            except requests.RequestException:
                pass
            if time.monotonic() - begin > BOOT_TIMEOUT:
                raise TimeoutError(
                    f"ComfyUI did not answer within {BOOT_TIMEOUT:.0f} s:\n{self.log_tail()}"
                )
            time.sleep(0.1)

    def _listen(self) -> None:
        """Open the websocket and read it in a thread from now on."""
        self._socket = websocket.create_connection(
            f"ws://127.0.0.1:{self.port}/ws?clientId={self.client_id}",
            timeout=30,
            http_no_proxy=["127.0.0.1"],
        )
        self._socket.settimeout(None)
        threading.Thread(target=self._read_messages, args=(self._socket,), daemon=True).start()

    def stop(self) -> None:
        """End the server and remove the base directory unless it was handed in."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._session.close()
        if self.owns_base:
            shutil.rmtree(self.base, ignore_errors=True)

    def log(self) -> str:
        """Give everything the server wrote."""
        if not self.log_path.exists():
            return ""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def log_tail(self) -> str:
        """Give the last lines of the log, for error messages."""
        return "\n".join(self.log().splitlines()[-LOG_TAIL:])

    # What the websocket says

    def _read_messages(self, connection: websocket.WebSocket) -> None:
        """Sort messages into the results until the connection closes."""
        while True:
            try:
                kind, payload = connection.recv_data()
            except (websocket.WebSocketException, OSError):
                break
            if kind == websocket.ABNF.OPCODE_CLOSE:
                break
            if kind == websocket.ABNF.OPCODE_TEXT:
                message = json.loads(payload)
                self._note_message(message["type"], message.get("data") or {})
            elif int.from_bytes(payload[:4], "big") in PREVIEW_KINDS:
                self._running.preview_sizes.append(len(payload))
        for result in list(self._results.values()):
            if not result.done.is_set():
                result.status = "disconnected"
                result.done.set()

    def _result_for(self, prompt_id: str) -> RunResult:
        """Find or make the record of a prompt: messages may outrun the answer to its post."""
        with self._lock:
            return self._results.setdefault(prompt_id, RunResult(prompt_id=prompt_id))

    def _note_message(self, kind: str, data: dict[str, Any]) -> None:
        """Write one message into the record of its prompt."""
        prompt_id = data.get("prompt_id")
        if not prompt_id:
            return
        result = self._result_for(prompt_id)
        if kind == "execution_start":
            self._running = result
        elif kind == "progress":
            result.progress.append(data)
        elif kind == "execution_error":
            result.status, result.error = "error", data
        elif kind == "execution_interrupted":
            result.status = "interrupted"
        elif kind == "execution_success":
            result.status = "success"
        elif kind == "executing":
            if data.get("node") is not None:
                result.executed.append(str(data["node"]))
            else:
                # Only after this message does the history hold the prompt.
                result.elapsed = time.monotonic() - result.started
                result.done.set()

    # Requests

    def get_json(self, route: str) -> Any:
        """Fetch a route that answers in JSON."""
        answer = self._session.get(self.url + route, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def object_info(self) -> dict[str, Any]:
        """Give the description of every node that the server knows."""
        return self.get_json("/object_info")

    def version(self) -> str:
        """Give the version that this ComfyUI says it is."""
        return self.get_json("/system_stats")["system"]["comfyui_version"]

    def set_setting(self, name: str, value: Any) -> None:
        """Set what a person would set in the page's settings; read when the page is opened."""
        self._session.post(f"{self.url}/settings/{name}", json=value, timeout=60).raise_for_status()

    def upload_image(self, name: str, array: np.ndarray) -> str:
        """Put a picture, h w c in [0, 1] or uint8, into the input folder; returns its name."""
        if array.dtype != np.uint8:
            array = (np.clip(array, 0.0, 1.0) * 255.0).round().astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, format="PNG")
        answer = self._session.post(
            f"{self.url}/upload/image",
            files={"image": (name, buffer.getvalue(), "image/png")},
            data={"overwrite": "true"},
            timeout=60,
        )
        answer.raise_for_status()
        return answer.json()["name"]

    def download(self, image: dict[str, str]) -> np.ndarray:
        """Fetch a picture that a node saved, as h w c in [0, 1]."""
        answer = self._session.get(f"{self.url}/view", params=image, timeout=60)
        answer.raise_for_status()
        picture = Image.open(io.BytesIO(answer.content))
        return np.asarray(picture, dtype=np.float32) / 255.0

    def submit(self, prompt: Prompt) -> RunResult:
        """Queue a prompt and return at once; `wait` takes the id of the result."""
        answer = self._session.post(
            f"{self.url}/prompt",
            json={"prompt": prompt, "client_id": self.client_id},
            timeout=60,
        )
        if answer.status_code == 400:
            refused = RunResult(status="invalid", validation=answer.json())
            refused.done.set()
            return refused
        answer.raise_for_status()
        accepted = answer.json()
        result = self._result_for(accepted["prompt_id"])
        if accepted.get("node_errors"):
            # One output branch is broken; the server runs the others without it.
            result.validation = accepted
        return result

    def wait(self, prompt_id: str, timeout: float = 120.0) -> RunResult:
        """Wait until a prompt has ended and add what the history says of it."""
        result = self._result_for(prompt_id)
        if not result.done.wait(timeout):
            self.interrupt()
            raise TimeoutError(
                f"The prompt did not end within {timeout:.0f} s. "
                f"Nodes that ran: {result.executed}. The log:\n{self.log_tail()}"
            )
        if result.status == "disconnected":
            raise RuntimeError(f"ComfyUI went away while it ran a prompt:\n{self.log_tail()}")
        history = self.get_json(f"/history/{prompt_id}").get(prompt_id)
        if history is not None:
            result.outputs = history["outputs"]
        return result

    def run(self, prompt: Prompt, timeout: float = 120.0) -> RunResult:
        """Queue a prompt and wait for its end."""
        result = self.submit(prompt)
        return result if result.status == "invalid" else self.wait(result.prompt_id, timeout)

    def interrupt(self) -> None:
        """Cancel what is running, as the button of the page does."""
        self._session.post(f"{self.url}/interrupt", json={}, timeout=60).raise_for_status()

    def free_memory(self) -> None:
        """Let go of models and results, as the button of the page does: now, or after a prompt."""
        asked = {"unload_models": True, "free_memory": True}
        self._session.post(f"{self.url}/free", json=asked, timeout=60).raise_for_status()
