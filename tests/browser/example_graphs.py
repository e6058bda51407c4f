"""The example workflows of interpolation: published settings, other samplers, upscaling."""

from browser.example_parts import (
    CONDITIONED,
    UPSCALER,
    Graph,
    Placed,
    beginning,
    ending,
    note,
)


def interpolation() -> Graph:
    """The basic example, with the published settings."""
    return {
        "note": note(
            "Frames between two drawings",
            "The settings the model was published with: 50 steps of DDIM.",
            "**motion_fps** sets how much moves: lower is more. **fps** of *Create Video* sets how "
            "fast it plays.",
        ),
        **beginning(),
        "sampler": Placed(
            "ToonCrafterSampler", "sample", 75, (300, 250), {"seed": 123},
            {"model": ("load", "MODEL"), **CONDITIONED, "latent": ("keyframes", "LATENT")},
        ),
        **ending(("sampler", "LATENT")),
    }  # fmt: skip


def stock_samplers() -> Graph:
    """KSampler in place of our own sampler."""
    return {
        "note": note(
            "With ComfyUI's KSampler",
            "25 steps of *dpmpp_2m*: half the time of the published 50, and another motion.",
            "**sgm_uniform** starts from pure noise, as the model was trained. *Guidance Rescale* "
            "keeps the colours from burning.",
        ),
        **beginning(),
        "rescale": Placed(
            "ToonCrafterGuidanceRescale", "patch", 45, (300, 60), {},
            {"model": ("load", "MODEL")},
        ),
        "sampler": Placed(
            "KSampler", "sample", 70, (300, 270),
            {"seed": 123, "control_after_generate": "randomize", "steps": 25, "cfg": 7.5,
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
        "ddim": Placed("ToonCrafterDDIM", "patch", 390, (300, 60)),
        "sigmas": Placed(
            "ToonCrafterSigmas", "patch", 260, (300, 82), {"steps": 50},
            {"model": ("load", "MODEL")},
        ),
        "sampler": Placed(
            "SamplerCustom", "sample", 70, (300, 250),
            {"add_noise": True, "noise_seed": 123, "control_after_generate": "randomize",
             "cfg": 7.5},
            {"model": ("rescale", "MODEL"), **CONDITIONED, "sampler": ("ddim", "SAMPLER"),
             "sigmas": ("sigmas", "SIGMAS"), "latent_image": ("keyframes", "LATENT")},
        ),
        **ending(("sampler", "output")),
    }  # fmt: skip


def upscale_and_video() -> Graph:
    """The basic example, with an upscaler behind it."""
    return {
        **interpolation(),
        **ending(("sampler", "LATENT"), images="upscale"),
        "note": note(
            "Larger frames, saved as a video",
            "Frames of 512x320 are drawn, then enlarged by an upscaler for drawings.",
            "Put the upscaler into `models/upscale_models`; any will do. *Create Video* takes "
            "sound, too.",
        ),
        "upscaler": Placed(
            "UpscaleModelLoader", "decode", 150, (300, 60), {"model_name": UPSCALER}
        ),
        "upscale": Placed(
            "ImageUpscaleWithModel", "upscale", -60, (280, 50), {},
            {"upscale_model": ("upscaler", "UPSCALE_MODEL"), "image": ("decode", "IMAGE")},
        ),
    }  # fmt: skip
