"""The example workflows of interpolation: our sampler, other samplers, upscaling."""

from browser.example_parts import (
    CONDITIONED,
    DRAWN_SO,
    UPSCALER,
    UPSCALER_ADDRESS,
    Graph,
    Placed,
    beginning,
    choose_files,
    ending,
    note,
)
from tooncrafter_core.config.embedded import MINI_GUIDANCE, MINI_STEPS


def interpolation() -> Graph:
    """The basic example."""
    return {
        "note": note(
            "Frames between two drawings",
            "Two drawings in, 16 frames out, by the sampler the model was published with.",
            "**motion_fps** sets how much moves: lower is more. **fps** of *Create Video* sets how "
            "fast it plays.",
        ),
        **beginning(),
        "sampler": Placed(
            "ToonCrafterSampler", "sample", 75, (300, 262), {**DRAWN_SO},
            {"model": ("load", "MODEL"), **CONDITIONED, "latent": ("keyframes", "LATENT")},
        ),
        **ending(("sampler", "LATENT")),
    }  # fmt: skip


def stock_samplers() -> Graph:
    """KSampler in place of our own sampler."""
    return {
        "note": note(
            "With ComfyUI's KSampler",
            "*dpmpp_2m* in place of the published DDIM. The published model takes 25 steps of it: "
            "half the time of 50, and another motion.",
            "**sgm_uniform** starts from pure noise, as the model was trained. *Guidance Rescale* "
            "keeps the colours from burning.",
            switch=choose_files(steps=25),
        ),
        **beginning(),
        "rescale": Placed(
            "ToonCrafterGuidanceRescale", "patch", 45, (300, 60), {},
            {"model": ("load", "MODEL")},
        ),
        "sampler": Placed(
            "KSampler", "sample", 70, (300, 270),
            {"seed": 123, "control_after_generate": "randomize", "steps": MINI_STEPS,
             "cfg": MINI_GUIDANCE,
             "sampler_name": "dpmpp_2m", "scheduler": "sgm_uniform", "denoise": 1.0},
            {"model": ("rescale", "MODEL"), **CONDITIONED,
             "latent_image": ("keyframes", "LATENT")},
        ),
        **ending(("sampler", "LATENT")),
    }  # fmt: skip


def custom_sampling() -> Graph:
    """The published sampler in parts, for graphs of SamplerCustom."""
    return {
        "note": note(
            "The sampler in parts",
            "The same as *ToonCrafter Sampler (DDIM)*, for graphs of *SamplerCustom*.",
            "Take another SAMPLER or other SIGMAS to try them on this model.",
        ),
        **beginning(),
        "rescale": Placed(
            "ToonCrafterGuidanceRescale", "patch", 45, (300, 60), {},
            {"model": ("load", "MODEL")},
        ),
        "ddim": Placed("ToonCrafterDDIM", "patch", 430, (300, 60)),
        "sigmas": Placed(
            "ToonCrafterSigmas", "patch", 260, (300, 82), {"steps": MINI_STEPS},
            {"model": ("load", "MODEL")},
        ),
        "sampler": Placed(
            "SamplerCustom", "sample", 70, (300, 250),
            {"add_noise": True, "noise_seed": 123, "control_after_generate": "randomize",
             "cfg": MINI_GUIDANCE},
            {"model": ("rescale", "MODEL"), **CONDITIONED, "sampler": ("ddim", "SAMPLER"),
             "sigmas": ("sigmas", "SIGMAS"), "latent_image": ("keyframes", "LATENT")},
        ),
        **ending(("sampler", "output")),
    }  # fmt: skip


def upscale_and_video() -> Graph:
    """The basic example, enlarged behind it."""
    return {
        **interpolation(),
        **ending(("sampler", "LATENT"), images="upscale"),
        "note": note(
            "Larger frames, saved as a video",
            "Frames are drawn, then enlarged to twice their size.",
            "For sharper lines put *Upscale Image (using Model)* in the place of *Upscale Image "
            "By*, with *Load Upscale Model* before it and an upscaler for drawings in "
            f"`models/upscale_models`, such as [{UPSCALER}]({UPSCALER_ADDRESS}). *Create Video* "
            "takes sound, too.",
        ),
        "upscale": Placed(
            "ImageScaleBy", "upscale", -60, (300, 82),
            {"upscale_method": "lanczos", "scale_by": 2.0}, {"image": ("decode", "IMAGE")},
        ),
    }  # fmt: skip
