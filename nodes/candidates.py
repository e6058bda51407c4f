"""ToonCrafter Candidates: clips between the same keys, ranked by what is wrong with each."""

import torch
from comfy_api.latest import io
from torch import Tensor

from ..tooncrafter_core.cut.candidates.faults import LEAST_FRAMES, judge
from ..tooncrafter_core.cut.candidates.rank import rank
from ..tooncrafter_core.cut.candidates.sheet import candidate_sheet, thumbnails
from ..tooncrafter_core.errors import CutError, KeyframeError, check_choice
from ..tooncrafter_core.pictures.fitting import FitMode
from ..tooncrafter_core.pictures.levels import from_levels
from .bridge.images import to_image, to_pixels
from .checked import checked
from .cut.colour import fitted
from .sockets import CUT_CATEGORY, FIT_OPTIONS, fit_input, schema

MOST = 8
COLOURS = 3
BEST = "best"
TAKE = [BEST, *map(str, range(1, MOST + 1))]


class ToonCrafterCandidates(io.ComfyNode):
    """Ranks clips that are given to it, and hands on the best or the one that is named.

    It does not draw them: a sampler for each seed shows each seed on the canvas, works for any
    model, and leaves what was drawn to ComfyUI's cache, so that one more seed costs one more clip.
    """

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of ToonCrafter Candidates."""
        return schema(
            node_id="ToonCrafterCandidates",
            display_name="ToonCrafter Candidates",
            category=CUT_CATEGORY,
            search_aliases=["best of", "rank", "compare clips", "pick seed", "contact sheet"],
            description="Ranks clips of different seeds by what is wrong with each: ghost lines, "
            "soft lines, jerks, flicker, colours. Hands on the best or the one that is named. "
            "Works for clips of any model.",
            inputs=[
                io.Image.Input(
                    "clip_1",
                    tooltip="A clip: of 'ToonCrafter Decode', or of any other model. All clips "
                    "have one size and one number of frames.",
                ),
                *(
                    io.Image.Input(
                        f"clip_{number}",
                        optional=True,
                        tooltip="Another clip between the same keys, usually of another seed.",
                    )
                    for number in range(2, MOST + 1)
                ),
                io.Image.Input(
                    "keys",
                    optional=True,
                    tooltip="The two drawings that every clip lies between, as one batch ('Batch "
                    "Images'). Without them the ends of each clip stand for them.",
                ),
                io.Combo.Input(
                    "take",
                    options=TAKE,
                    default=BEST,
                    tooltip="Which clip is handed on: best, or the number of its input.",
                ),
                fit_input(),
            ],
            outputs=[
                io.Image.Output(
                    display_name="frames", tooltip="The clip that was taken, as it came."
                ),
                io.Image.Output(
                    display_name="sheet",
                    tooltip="The contact sheet: a row for each clip, the best first, with its "
                    "points and why. To 'Preview Image'.",
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="The rank in words, the best first: to 'Preview as Text'.",
                ),
                io.Int.Output(
                    display_name="taken", tooltip="The number of the input that was taken."
                ),
            ],
        )

    @classmethod
    @checked
    def execute(
        cls,
        clip_1: Tensor,
        take: str = BEST,
        fit: FitMode = "crop",
        keys: Tensor | None = None,
        **others: Tensor | None,
    ) -> io.NodeOutput:
        """Judge every clip, rank them, and hand one on."""
        check_choice("take", take, TAKE)
        check_choice("fit", fit, FIT_OPTIONS)
        named = {"1": clip_1} | {
            name.removeprefix("clip_"): clip for name, clip in others.items() if clip is not None
        }
        clips = dict(sorted(named.items(), key=lambda one: int(one[0])))
        _check(clips, keys)
        if take not in (BEST, *clips):
            raise CutError(
                f"take names clip {take}, and nothing is connected to clip_{take}: connect it, or "
                f"take best or one of {', '.join(clips)}."
            )
        judged, shown = {}, {}
        for name, clip in clips.items():
            frames = to_pixels(_on_white(clip)).float().cpu()
            ends = frames[[0, -1]]
            if keys is not None:
                ends = torch.cat([fitted(_on_white(key[None]), clip, fit) for key in keys])
            judged[name] = judge(frames, *ends)
            shown[name] = thumbnails(frames)
        ranked = rank(judged)
        taken = ranked[0].name if take == BEST else take
        levels = candidate_sheet(ranked, shown, taken, f"{len(ranked)} candidates")
        sheet = to_image(from_levels(torch.from_numpy(levels)).permute(2, 0, 1)[None, :, None])
        report = "\n".join([*(one.as_text() for one in ranked), f"taken: {taken}"])
        return io.NodeOutput(clips[taken], sheet, report, int(taken))


def _check(clips: dict[str, Tensor], keys: Tensor | None) -> None:
    """Refuse what cannot be compared; ``KeyframeError`` and ``CutError`` in words."""
    pictures = {f"clip_{name}": clip for name, clip in clips.items()}
    for name, images in (pictures if keys is None else {**pictures, "keys": keys}).items():
        if images.ndim != 4 or images.shape[-1] not in (COLOURS, COLOURS + 1) or 0 in images.shape:
            raise KeyframeError(
                f"{name} has the shape {tuple(images.shape)}: clips are ranked in three channels, "
                "or four with alpha. Connect an IMAGE in colour."
            )
        if not torch.isfinite(images).all():
            raise KeyframeError(
                f"{name} holds values that are not numbers (NaN or infinity): look at what made it."
            )
    if keys is not None and len(keys) != 2:
        raise KeyframeError(
            f"keys has {len(keys)} pictures: a clip lies between two keys. Join the first and the "
            "last by 'Batch Images'."
        )
    sizes = {name: _size(clip) for name, clip in pictures.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise CutError(
            f"Candidates are clips of one size and one number of frames; these are {listed}. Draw "
            "all with the same settings but for the seed."
        )
    if len(clips["1"]) < LEAST_FRAMES:
        raise CutError(
            f"A candidate has {LEAST_FRAMES} frames or more, two keys and what lies between; these "
            f"have {len(clips['1'])}. Connect whole clips, not single pictures."
        )


def _size(clip: Tensor) -> str:
    return f"{len(clip)} frames of {clip.shape[2]}x{clip.shape[1]}"


def _on_white(images: Tensor) -> Tensor:
    """Pictures in three channels; what is clear is white."""
    colour, alpha = images[..., :COLOURS], images[..., COLOURS:]
    return colour if alpha.shape[-1] == 0 else colour * alpha + (1 - alpha)
