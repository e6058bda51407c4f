"""ToonCrafter Cut: many keys to the frames of a film, a segment at a time."""

from typing import Any

from comfy_api.latest import io
from comfy_execution.graph_utils import GraphBuilder, is_link
from torch import Tensor

from ...tooncrafter_core.cut.plan import Clip
from ...tooncrafter_core.cut.store import digest
from ...tooncrafter_core.cut.values import NUM_MOMENTS, Drawing
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
from .inputs import options, timing, words
from .job import CUTS, CutJob
from .parts import clip_name
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
        job = read_job(keys, CutRequest(**asked))
        graph = CutGraph(cls._links(), job, {
            "negative": negative, "seed": asked["seed"], "steps": steps, "cfg": cfg,
            "preset": preset, "motion_fps": motion_fps,
        })  # fmt: skip
        frames = graph.build()
        return io.NodeOutput(*(frames.out(i) for i in range(4)), expand=graph.builder.finalize())

    @classmethod
    def _links(cls) -> dict[str, list[Any]]:
        """Where the parts of the model come from; their values would hide that from the cache."""
        node = cls.hidden.dynprompt.get_node(cls.hidden.unique_id)
        links = {name: node["inputs"].get(name) for name in PARTS}
        for name, link in links.items():
            if not is_link(link):
                raise CutError(f"Connect {name} of 'ToonCrafter Cut' to 'Load ToonCrafter'.")
        return links


NO_CLIP = (
    "clip is empty: this checkpoint has no text encoder. Choose one as text_encoder of 'Load "
    "ToonCrafter'."
)


class CutGraph:
    """The nodes that draw a cut.

    Their ids come from what they draw, not from the number of the segment: a node that reports
    progress is cached under its id.
    """

    def __init__(self, links: dict[str, list[Any]], job: CutJob, values: dict[str, Any]) -> None:
        self.builder = GraphBuilder()
        self.links, self.job, self.values = links, job, values
        self.frames_of: dict[tuple[int, str], list[Any]] = {}
        """Of every clip, by segment and half, the link to its frames."""
        self.contents: dict[tuple[int, str], str] = {}

    def build(self) -> Any:
        """Every node; gives the one that assembles the film."""
        token = CUTS.add(self.builder.prefix, self.job)
        clips: dict[str, Any] = {}
        for number, clip in enumerate(self.job.plan.clips):
            link = self._draw(clip)
            self.frames_of[clip.segment, clip.half] = link
            node = self.builder.node(
                "ToonCrafterCutClip", id=f"clip{number}", images=link,
                clip=clip_name(clip.segment, clip.half), **clips,
            )  # fmt: skip
            clips = {"clips": node.out(0)}
        return self.builder.node("ToonCrafterCutFrames", id="frames", cut=token, **clips)

    def _draw(self, clip: Clip) -> list[Any]:
        """The nodes of one clip; gives the link to its frames."""
        values, segment = self.values, self.job.cut.segments[clip.segment]
        seed = values["seed"] if segment.seed is None else segment.seed
        first, last = (self._content(drawing) for drawing in (clip.first, clip.last))
        prompt = segment.prompt or ""
        content = digest([first, last, prompt, seed])[:16]
        self.contents[clip.segment, clip.half] = content
        node, links = self.builder.node, self.links
        keyframes = node(
            "ToonCrafterKeyframes", id=f"{content}-keyframes",
            positive=self._prompt(prompt), negative=self._prompt(values["negative"]),
            clip_vision=links["clip_vision"], vae=links["vae"],
            first_image=self._end(clip.first), last_image=self._end(clip.last),
            width=self.job.width, height=self.job.height, fit=self.job.fit,
            frames=NUM_MOMENTS, motion_fps=values["motion_fps"], seed=seed,
        )  # fmt: skip
        sampler = node(
            "ToonCrafterSampler", id=f"{content}-sampler", model=links["model"],
            positive=keyframes.out(0), negative=keyframes.out(1), latent=keyframes.out(2),
            seed=seed, steps=values["steps"], cfg=values["cfg"], eta=1.0, guidance_rescale=0.7,
            preset=values["preset"],
        )  # fmt: skip
        decode = node(
            "ToonCrafterDecode", id=f"{content}-decode", vae=links["vae"], latent=sampler.out(0),
            second_pass=True, memory_budget=0,
        )  # fmt: skip
        return decode.out(0)

    def _prompt(self, text: str) -> list[Any]:
        id_of = f"prompt-{digest(text)[:16]}"
        return self.builder.node(
            "CLIPTextEncode", id=id_of, clip=self.links["clip"], text=text
        ).out(0)

    def _content(self, drawing: Drawing) -> str:
        """What stands for the pixels of an end."""
        if drawing.key is not None:
            return self.job.digests[drawing.key]
        assert drawing.segment is not None and drawing.moment is not None
        clip = self.contents[drawing.segment, drawing.moment.half]
        return f"{clip}-{drawing.moment.index}"

    def _end(self, drawing: Drawing) -> list[Any]:
        """The link to an end: a key, or a moment of an earlier clip."""
        content = self._content(drawing)
        if drawing.moment is None or drawing.segment is None:
            return self.builder.node(
                "ToonCrafterCutKey", id=f"key-{content[:16]}", key=content
            ).out(0)
        images = self.frames_of[drawing.segment, drawing.moment.half]
        return self.builder.node(
            "ToonCrafterCutMoment", id=f"moment-{content}", images=images,
            moment=drawing.moment.index,
        ).out(0)  # fmt: skip
