"""The nodes that 'ToonCrafter Cut' expands into."""

from typing import Any

from comfy_execution.graph_utils import GraphBuilder

from ...tooncrafter_core.cut.plan import Clip
from ...tooncrafter_core.cut.store import digest
from ...tooncrafter_core.cut.values import NUM_MOMENTS, Drawing
from ...tooncrafter_core.sketches.frames import SketchLayer
from .job import CUTS, CutJob
from .options.placed_sketches import sketches_of
from .parts import clip_name


class CutGraph:
    """The nodes that draw a cut.

    Their ids come from what they draw, not from the number of the segment: a node that reports
    progress is cached under its id.
    """

    def __init__(
        self,
        links: dict[str, list[Any]],
        job: CutJob,
        groups: tuple[str, str],
        values: dict[str, Any],
    ) -> None:
        """``groups`` stand for the model among kept clips: the first without sketches."""
        self.builder = GraphBuilder()
        self.links, self.job, self.groups, self.values = links, job, groups, values
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
        sketches = sketches_of(self.job.cut, clip)
        pixels_from = [first, last, prompt, seed, sketches]
        content = digest(pixels_from)[:16]
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
        positive, negative = keyframes.out(0), keyframes.out(1)
        for number, (moment, sketch) in enumerate(sketches):
            guidance = node(
                "ToonCrafterSketchGuidance", id=f"{content}-sketch{number}",
                positive=positive, negative=negative, control_net=links["control_net"],
                sketches=self._picture(sketch), frames=str(moment + 1),
                strength=SketchLayer.strength, start_percent=SketchLayer.start_percent,
                end_percent=SketchLayer.end_percent, polarity="auto", other_frames="empty",
            )  # fmt: skip
            positive, negative = guidance.out(0), guidance.out(1)
        sampler = node(
            "ToonCrafterSampler", id=f"{content}-sampler", model=links["model"],
            positive=positive, negative=negative, latent=keyframes.out(2),
            seed=seed, steps=values["steps"], cfg=values["cfg"], eta=1.0, guidance_rescale=0.7,
            preset=values["preset"],
        )  # fmt: skip
        decode = node(
            "ToonCrafterDecode", id=f"{content}-decode", vae=links["vae"], latent=sampler.out(0),
            second_pass=True, memory_budget=0,
        )  # fmt: skip
        drawn = node(
            "ToonCrafterCutDrawn", id=f"{content}-drawn",
            # What has no sketch is the same with a sketch encoder and without.
            model=self.groups[bool(sketches)],
            clip=digest([*pixels_from, self._settings()]), images=decode.out(0),
        )  # fmt: skip
        return drawn.out(0)

    def _settings(self) -> list[Any]:
        """What all segments have in common and their pixels come from."""
        own = {name: value for name, value in self.values.items() if name != "seed"}
        return [own, self.job.width, self.job.height, self.job.fit]

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

    def _picture(self, content: str) -> list[Any]:
        """The link to a key or a sketch."""
        return self.builder.node("ToonCrafterCutKey", id=f"key-{content[:16]}", key=content).out(0)

    def _end(self, drawing: Drawing) -> list[Any]:
        """The link to an end: a key, or a moment of an earlier clip."""
        content = self._content(drawing)
        if drawing.moment is None or drawing.segment is None:
            return self._picture(content)
        images = self.frames_of[drawing.segment, drawing.moment.half]
        return self.builder.node(
            "ToonCrafterCutMoment", id=f"moment-{content}", images=images,
            moment=drawing.moment.index,
        ).out(0)  # fmt: skip
