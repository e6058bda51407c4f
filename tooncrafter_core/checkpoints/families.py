"""Recognises weight files of other models that are mistaken for ToonCrafter's, to name them."""

from collections.abc import Callable, Mapping

from .keys import COMPONENT_KEYS, FULL_FILE, PRUNED_FILE, Component, where_to_get

Shape = tuple[int, ...]
_Marks = Callable[[Mapping[str, Shape]], bool]

_DENOISER = COMPONENT_KEYS[Component.DENOISER].prefix
_TEXT_CONTEXT = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"


def _has(*parts: str) -> _Marks:
    """Every part occurs in some key."""
    return lambda shapes: all(any(part in key for key in shapes) for part in parts)


def _begins(*starts: str) -> _Marks:
    """Every start begins some key."""
    return lambda shapes: all(any(key.startswith(start) for key in shapes) for start in starts)


def _context(width: int) -> _Marks:
    """An image denoiser whose text tokens are ``width`` wide."""
    keys = (_DENOISER + _TEXT_CONTEXT, _TEXT_CONTEXT)

    def marks(shapes: Mapping[str, Shape]) -> bool:
        return any(shapes.get(key, ())[-1:] == (width,) for key in keys)

    return marks


def _is_sketch_encoder(shapes: Mapping[str, Shape]) -> bool:
    key = COMPONENT_KEYS[Component.SKETCH_ENCODER].prefix + "input_hint_block.0.weight"
    return shapes.get(key, ())[1:2] == (1,)


def _any(*choices: _Marks) -> _Marks:
    return lambda shapes: any(marks(shapes) for marks in choices)


_FAMILIES: tuple[tuple[str, _Marks], ...] = (
    ("a LoRA", _any(_has("lora_"), _has(".lora."), _has("hada_w1"), _has("lokr_w"))),
    ("a ToonCrafter sketch encoder", _is_sketch_encoder),
    ("a ControlNet", _any(_has("input_hint_block"), _has("controlnet_cond_embedding"))),
    ("an AnimateDiff motion module", _has("motion_modules.0")),
    (
        "a DynamiCrafter checkpoint (its decoder reads no keyframes)",
        _begins(_DENOISER + "init_attn.", "image_proj_model.", "first_stage_model."),
    ),
    ("a VideoCrafter checkpoint", _begins(_DENOISER + "init_attn.", "first_stage_model.")),
    ("ToonCrafter's or DynamiCrafter's denoiser alone", _begins("init_attn.", "input_blocks.")),
    ("an SDXL checkpoint", _any(_begins("conditioner.embedders."), _context(2048))),
    ("a Stable Diffusion 1.x checkpoint", _context(768)),
    ("a Stable Diffusion 2.x checkpoint", _context(1024)),
    ("a diffusers model", _begins("down_blocks.", "up_blocks.", "conv_in.")),
    ("a VAE alone", _any(_begins("encoder.conv_in.", "decoder.conv_in."),
                         _begins("encoder.conv_in.", "decoder.up_blocks."))),
    ("a text encoder with an image encoder (CLIP)", _any(
        _begins("visual.", "token_embedding."), _begins("vision_model.", "text_model."))),
    ("an image encoder (CLIP vision)", _any(_begins("vision_model."), _begins("visual."))),
    ("a text encoder (CLIP)", _any(_has("text_model.encoder.layers."),
                                   _begins("token_embedding.", "transformer.resblocks."))),
)  # fmt: skip
"""From the most specific marks to the least; the first family whose marks are there is named."""


def name_family(shapes: Mapping[str, Shape]) -> str | None:
    """Say what a file that is no ToonCrafter checkpoint is, None when nothing is recognised."""
    return next((name for name, marks in _FAMILIES if marks(shapes)), None)


def not_tooncrafter(shapes: Mapping[str, Shape], name: str, missing: str) -> str:
    """The message for another model's file: what it is and what is needed."""
    family = name_family(shapes)
    found = f"is {family}" if family else f"is no ToonCrafter checkpoint: it has {missing}"
    return (
        f"{name} {found}; ToonCrafter needs {FULL_FILE} or {PRUNED_FILE}, "
        "which hold its denoiser, image projector and dual-reference autoencoder."
    )


_HINTS = (
    COMPONENT_KEYS[Component.SKETCH_ENCODER].prefix + "input_hint_block.0.weight",
    "controlnet_cond_embedding.conv_in.weight",
)
_CONTROL_CONTEXTS = (
    COMPONENT_KEYS[Component.SKETCH_ENCODER].prefix
    + "middle_block.1.transformer_blocks.0.attn2.to_k.weight",
    "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight",
)
"""Keys with which control networks read hints and text, in the original layout and diffusers'."""

_CONTEXT_WIDTHS = {
    768: "Stable Diffusion 1.x",
    1024: "Stable Diffusion 2.x",
    2048: "SDXL",
}
_SKETCH_CONTEXT = 1024

_NO_SKETCH_ENCODERS: tuple[tuple[str, _Marks], ...] = (
    (
        "a ToonCrafter checkpoint",
        _begins(_DENOISER + "init_attn.", "image_proj_model.", "first_stage_model."),
    ),
    ("a Control-LoRA", _has("lora_controlnet")),
    ("a T2I adapter", _any(_begins("adapter.body."), _begins("body.0."))),
)


def not_sketch_encoder(shapes: Mapping[str, Shape], name: str) -> str | None:
    """The message for a file that is no sketch encoder of ours; None for one that is."""
    family = next((what for what, marks in _NO_SKETCH_ENCODERS if marks(shapes)), None)
    channels = next((shapes[key][1] for key in _HINTS if len(shapes.get(key, ())) == 4), None)
    width = next((shapes[key][-1] for key in _CONTROL_CONTEXTS if shapes.get(key)), None)
    if family is None and channels is not None:
        model = _CONTEXT_WIDTHS.get(width or 0)
        is_ours = channels == 1 and _HINTS[0] in shapes
        if is_ours and (model is None or width == _SKETCH_CONTEXT):
            return None
        family = f"a ControlNet for {model}" if model else "a ControlNet for another model"
        read = f"hints of {channels} channel{'s' if channels != 1 else ''}"
        family += f" (it reads {read}{f' and text {width} wide' if width else ''})"
    return (
        f"{name} is {family or name_family(shapes) or 'no control network'}; sketches need "
        f"ToonCrafter's own sketch encoder (hints of 1 channel, text {_SKETCH_CONTEXT} wide). "
        f"{where_to_get(Component.SKETCH_ENCODER)}"
    )
