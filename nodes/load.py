"""Load ToonCrafter: one file to MODEL, CLIP, CLIP_VISION and VAE."""

import torch
from comfy_api.latest import io

from ..tooncrafter_core.checkpoints import detect, read_checkpoint
from ..tooncrafter_core.config.dtypes import COMPUTED, FP8, torch_dtype
from ..tooncrafter_core.errors import check_choice
from .bridge import paths
from .bridge.autoencoder import ToonCrafterVAE
from .bridge.denoiser import load_model
from .bridge.encoders.image import load_image_encoder, load_image_encoder_file
from .bridge.encoders.text import load_text_encoder, load_text_encoder_file
from .checked import checked
from .sockets import CATEGORY, advanced, schema

WEIGHT_DTYPES: dict[str, torch.dtype | None] = {
    "default": None,
    **{name: torch_dtype(name) for name in reversed(COMPUTED)},
    "fp8_e4m3fn": torch_dtype(FP8),
}


class LoadToonCrafter(io.ComfyNode):
    """Reads a checkpoint once; ComfyUI keeps and moves what comes of it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The name, inputs and outputs of Load ToonCrafter."""
        return schema(
            node_id="ToonCrafterLoader",
            display_name="Load ToonCrafter",
            category=CATEGORY,
            search_aliases=["tooncrafter", "interpolation", "inbetween", "cartoon", "animation"],
            found_as="inbetween, cartoon",
            description="Loads a ToonCrafter checkpoint: the mini model that comes with the pack, "
            "the official model.ckpt, the pruned tooncrafter_512_interp-pruned-fp16.safetensors, "
            "or one converted from them.",
            inputs=[
                io.Combo.Input(
                    "checkpoint",
                    options=paths.list_checkpoints(),
                    tooltip="A file of models/checkpoints or models/diffusion_models. What it "
                    "holds is read from the weights, not from its name. mini (embedded) is the "
                    "small model of the pack, to try things with: 256x160, few steps, cfg 1.",
                ),
                io.Combo.Input(
                    "text_encoder",
                    options=paths.list_text_encoders(),
                    default=paths.NONE,
                    tooltip="Only for a checkpoint without encoders (the pruned file): Stable "
                    "Diffusion 2.1's text encoder (ViT-H) of models/text_encoders. With none, the "
                    "checkpoint's own is used.",
                ),
                io.Combo.Input(
                    "image_encoder",
                    options=paths.list_image_encoders(),
                    default=paths.NONE,
                    tooltip="Only for a checkpoint without encoders (the pruned file): "
                    "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors of models/clip_vision. With none, "
                    "the checkpoint's own is used.",
                ),
                io.Combo.Input(
                    "weight_dtype",
                    options=list(WEIGHT_DTYPES),
                    default="default",
                    tooltip="How the denoiser's weights are kept. default lets ComfyUI choose for "
                    "your card; fp16 is nearer to full precision than bf16; fp8 halves the "
                    "memory of fp16 and changes the picture slightly.",
                    **advanced(io.Combo.Input),
                ),
            ],
            outputs=[
                io.Model.Output(
                    display_name="MODEL",
                    tooltip="The denoiser: to the sampler, through LoRA loaders if you have any.",
                ),
                io.Clip.Output(
                    display_name="CLIP",
                    tooltip="The text encoder: to 'CLIP Text Encode'. Nothing for a pruned file "
                    "without text_encoder.",
                ),
                io.ClipVision.Output(
                    display_name="CLIP_VISION",
                    tooltip="The image encoder: to 'ToonCrafter Keyframes'. Nothing for a pruned "
                    "file without image_encoder.",
                ),
                io.Vae.Output(
                    display_name="VAE",
                    tooltip="Pictures to latents and back: to 'ToonCrafter Keyframes' and "
                    "'ToonCrafter Decode'.",
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(
        cls, checkpoint: str, text_encoder: str, image_encoder: str, weight_dtype: str
    ) -> list[str]:
        """Let ComfyUI load again when a file was replaced by another of the same name."""
        return [
            paths.fingerprint(checkpoint, "checkpoints", "diffusion_models"),
            paths.fingerprint(text_encoder, "text_encoders"),
            paths.fingerprint(image_encoder, "clip_vision"),
        ]

    @classmethod
    @checked
    def execute(
        cls, checkpoint: str, text_encoder: str, image_encoder: str, weight_dtype: str
    ) -> io.NodeOutput:
        """Build ComfyUI's objects; without a text or image encoder that output stays empty."""
        check_choice("weight_dtype", weight_dtype, WEIGHT_DTYPES)
        weights = read_checkpoint(paths.find(checkpoint, "checkpoints", "diffusion_models"))
        config = detect(weights)
        clip = clip_vision = None
        # The small and uncertain parts first: a wrong encoder is refused before 3 GB are read.
        if text_encoder != paths.NONE:
            clip = load_text_encoder_file(paths.find(text_encoder, "text_encoders"), config)
        elif config.text_encoder is not None:
            clip = load_text_encoder(weights, config.text_encoder)
        if image_encoder != paths.NONE:
            clip_vision = load_image_encoder_file(paths.find(image_encoder, "clip_vision"), config)
        elif config.image_encoder is not None:
            clip_vision = load_image_encoder(weights, config.image_encoder)
        model = load_model(weights, config, WEIGHT_DTYPES[weight_dtype])
        vae = ToonCrafterVAE(weights, config)
        return io.NodeOutput(model, clip, clip_vision, vae)
