"""The example workflow of a sprite sheet: transparent drawings through the Matte nodes."""

from browser.cut_graphs import CLEAR_FIRST, CLEAR_LAST
from browser.example_parts import CONDITIONED, DRAWN_SO, Graph, Placed, beginning, ending, note


def sprite_sheet() -> Graph:
    """Two transparent drawings, the frames between them, and a sheet for a game."""
    graph = {
        "note": note(
            "Transparent drawings to a sprite sheet",
            "*Matte* lays two drawings on a colour far from theirs, the model draws between them, "
            "*Remove Matte* takes the colour out, and *Sprite Sheet* saves a sheet and its table "
            "for a game engine.",
            "Any other nodes that draw between keys fit between *Matte* and *Remove Matte*. "
            "**places** are the frames where the keys stand. **json** chooses the table's form.",
            height=480,
        ),
        **beginning(first=CLEAR_FIRST, last=CLEAR_LAST),
        "first with alpha": _joined("first", 500),
        "last with alpha": _joined("last", 600),
        "keys": Placed(
            "ImageBatch", "keyframes", 700, (300, 50), {},
            {"image1": ("first with alpha", "IMAGE"), "image2": ("last with alpha", "IMAGE")},
        ),
        "matte": Placed("ToonCrafterMatte", "keyframes", 860, (300, 60), {},
                        {"keys": ("keys", "IMAGE")}),
        "first key": _one(0, 970),
        "last key": _one(1, 1110),
        "sampler": Placed(
            "ToonCrafterSampler", "sample", 75, (300, 262), {**DRAWN_SO},
            {"model": ("load", "MODEL"), **CONDITIONED, "latent": ("keyframes", "LATENT")},
        ),
        **ending(("sampler", "LATENT")),
        "unmatte": Placed(
            "ToonCrafterRemoveMatte", "decode", 250, (300, 150), {},
            {"frames": ("decode", "IMAGE"), "matte": ("matte", "matte")},
        ),
        "clear": Placed(
            "PreviewImage", "upscale", 75, (300, 300), {}, {"images": ("unmatte", "frames")},
            title="Frames without the matte",
        ),
        "sheet": Placed(
            "ToonCrafterSpriteSheet", "upscale", 430, (300, 620),
            {"fps": 8.0, "trim": True, "loop": True}, {"images": ("unmatte", "frames")},
        ),
    }  # fmt: skip
    graph["keyframes"].inputs.update(
        first_image=("first key", "IMAGE"), last_image=("last key", "IMAGE")
    )
    return graph


def _joined(key: str, top: int) -> Placed:
    """A drawing with its transparency, which Load Image gives as a mask."""
    return Placed(
        "JoinImageWithAlpha", "keyframes", top, (300, 50), {},
        {"image": (key, "IMAGE"), "alpha": (key, "MASK")},
    )  # fmt: skip


def _one(number: int, top: int) -> Placed:
    """One key on the matte."""
    return Placed(
        "ImageFromBatch", "keyframes", top, (300, 82), {"batch_index": number},
        {"image": ("matte", "keys")}, title=("First key", "Last key")[number],
    )  # fmt: skip
