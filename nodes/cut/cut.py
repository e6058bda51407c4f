"""ToonCrafter Cut: many keys to the frames of a film, a segment at a time."""

from typing import Any

from comfy_api.latest import io
from comfy_execution.graph_utils import is_link
from torch import Tensor

from ...tooncrafter_core.errors import CutError, check_choice
from ..bridge.autoencoder import require_tooncrafter
from ..bridge.encoders.image import require_clip_vision
from ..checked import checked
from ..sockets import (
    CUT_CATEGORY,
    FIT_OPTIONS,
    PRESET_OPTIONS,
    PUBLISHED,
    cfg,
    fit_input,
    motion_fps,
    preset,
    schema,
    seed,
    size,
    steps,
)
from .graph import CutGraph
from .inputs import options, timing, words
from .kept import KEPT
from .options.clear_keys import KEEP, WHITE
from .options.placed_sketches import check_control
from .request import CutRequest, read_job

PARTS = ("model", "clip", "clip_vision", "vae")
"""Of the model, as they are connected."""


class ToonCrafterCut(io.ComfyNode):
    """Draws every in-between of a cut."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Cut."""
        return schema(
            node_id="ToonCrafterCut",
            display_name="ToonCrafter Cut",
            category=CUT_CATEGORY,
            search_aliases=[
                "inbetween",
                "interpolate",
                "multiple keyframes",
                "x-sheet",
                "xdts",
                "exposure sheet",
                "loop",
                "cycle",
                "on twos",
            ],
            description="Draws a whole cut: several keys at their frames, in-betweens on ones, "
            "twos or threes by spacing, holds and cycles (loops), or what the circles of an "
            "exposure sheet (X-sheet, XDTS) ask for. Only what has changed is drawn again.",
            enable_expand=True,
            inputs=[
                io.Model.Input("model", tooltip="The MODEL of 'Load ToonCrafter', LoRAs included."),
                io.Clip.Input("clip", tooltip="The text encoder: CLIP of 'Load ToonCrafter'."),
                io.ClipVision.Input(
                    "clip_vision", tooltip="The image encoder: CLIP_VISION of 'Load ToonCrafter'."
                ),
                io.Vae.Input("vae", tooltip="The VAE of 'Load ToonCrafter'."),
                io.Image.Input(
                    "keys",
                    tooltip="The keys as one batch, in the order of the film: of 'ToonCrafter Load "
                    "Keys', or single pictures joined by 'Batch Images'.",
                ),
                *timing(),
                *words(),
                seed(
                    "Another seed draws other in-betweens of every segment. For one segment only "
                    "write seeds, one a line.",
                    # A new one at every run would draw every segment again.
                    changes_after_run=False,
                ),
                steps(),
                cfg(),
                motion_fps(),
                *size(),
                fit_input(),
                preset(),
                *options(),
            ],
            outputs=[
                io.Image.Output(
                    display_name="frames",
                    tooltip="Every frame of the film: to 'Create Video' or 'Save Image'.",
                ),
                io.Image.Output(
                    display_name="drawings",
                    tooltip="Every drawing once, keys included, in the order of the film.",
                ),
                io.String.Output(
                    display_name="sheet",
                    tooltip="The exposure sheet with names in place of circles: to 'ToonCrafter "
                    "Save Sheet'.",
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="Which drawing is which, the seed of every segment, and what should be "
                    "known: to 'Preview as Text'.",
                ),
                io.Mask.Output(
                    display_name="MASK",
                    tooltip="What is transparent in each frame, as Load Image gives it: 1 is "
                    "clear.",
                ),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    @checked
    def execute(
        cls,
        model: Any,
        clip: Any,
        clip_vision: Any,
        vae: Any,
        keys: Tensor,
        negative: str,
        steps: int,
        cfg: float,
        motion_fps: int,
        preset: str = PUBLISHED,
        **asked: Any,
    ) -> io.NodeOutput:
        """Check everything that can be checked, and hand each segment to nodes of its own."""
        check_choice("preset", preset, PRESET_OPTIONS)
        check_choice("fit", asked["fit"], FIT_OPTIONS)
        require_tooncrafter(vae)
        require_clip_vision(clip_vision)
        if clip is None:
            raise CutError(NO_CLIP)
        check_choice("alpha", asked.get("alpha", WHITE), (WHITE, KEEP))
        control_net = asked.pop("control_net", None)
        job = read_job(keys, CutRequest(**asked))
        parts = [model, clip, clip_vision, vae]
        if job.sketches:
            check_control(control_net, model)
        groups = KEPT.group(parts), KEPT.group([*parts, control_net] if job.sketches else parts)
        graph = CutGraph(cls._links(bool(job.sketches)), job, groups, {
            "negative": negative, "seed": asked["seed"], "steps": steps, "cfg": cfg,
            "preset": preset, "motion_fps": motion_fps,
        })  # fmt: skip
        frames = graph.build()
        results = (frames.out(i) for i in range(len(cls.define_schema().outputs)))
        return io.NodeOutput(*results, expand=graph.builder.finalize())

    @classmethod
    def _links(cls, has_sketches: bool) -> dict[str, list[Any]]:
        """Where the parts of the model come from; their values would hide that from the cache."""
        names = (*PARTS, "control_net") if has_sketches else PARTS
        node = cls.hidden.dynprompt.get_node(cls.hidden.unique_id)
        links = {name: node["inputs"].get(name) for name in names}
        for name, link in links.items():
            if not is_link(link):
                source = "Load ToonCrafter" + (" Sketch Encoder" if name not in PARTS else "")
                raise CutError(f"Connect {name} of 'ToonCrafter Cut' to '{source}'.")
        return links


NO_CLIP = (
    "clip is empty: this checkpoint has no text encoder. Choose one as text_encoder of 'Load "
    "ToonCrafter'."
)
