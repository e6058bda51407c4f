"""The example workflow of colour lock: a clip that keeps the colours of its drawings."""

from browser.example_parts import CONDITIONED, DRAWN_SO, Graph, Placed, beginning, ending, note


def colour_lock() -> Graph:
    """Interpolation with colour lock behind the decoder."""
    last = ending(("sampler", "LATENT"))
    for name in ("preview", "video"):
        last[name].inputs["images"] = ("lock", "frames")
    return {
        "note": note(
            "Colours of the drawings, kept",
            "Two drawings in, 16 frames out; drift of colour and flashes are taken back, and both "
            "drawings stand in their places.",
            "*Colour Lock* works behind any model whose keys are known: **places** are their "
            "frames. **lock** off hands the frames on and still reports their drift.",
        ),
        **beginning(),
        "sampler": Placed(
            "ToonCrafterSampler", "sample", 75, (300, 262), {**DRAWN_SO},
            {"model": ("load", "MODEL"), **CONDITIONED, "latent": ("keyframes", "LATENT")},
        ),
        "keys": Placed(
            "ImageBatch", "keyframes", 510, (240, 50), {},
            {"image1": ("first", "IMAGE"), "image2": ("last", "IMAGE")}, title="Both keys",
        ),
        "lock": Placed(
            "ToonCrafterColourLock", "decode", 250, (300, 190), {},
            {"frames": ("decode", "IMAGE"), "keys": ("keys", "IMAGE")},
        ),
        "report": Placed(
            "PreviewAny", "decode", 510, (300, 260), {}, {"source": ("lock", "report")},
            title="Drift before and after",
        ),
        **last,
    }  # fmt: skip
