"""The typed settings of a training run; files and ``key=value`` fill them in.

Values that PAPER.md gives are in ``presets``; defaults here are choices of this program.
"""

from dataclasses import dataclass, field
from typing import Any

SOURCES = ("procedural", "folders", "videos", "shards")
SCHEDULES = ("constant", "cosine")
DEVICES = ("auto", "cpu", "cuda")
ATTENTIONS = ("auto", "fused", "plain")


@dataclass(kw_only=True)
class StartConfig:
    """The weights that training begins with."""

    checkpoint: str | None = None
    """A ToonCrafter file; None trains new networks of ``model``'s sizes."""
    model: str | None = None
    """A preset's name: the sizes of a new model."""
    fresh: list[str] = field(default_factory=list)
    """Components that get new weights although ``checkpoint`` has them. Two parts of the decoder
    can be named alone: ``reference_warp``, the layers that warp the keyframes' pixels, and in it
    ``picture_choice``, the layers that choose among warped, unwarped and drawn pixels."""
    text_encoder: str | None = None
    """A file with the text encoder, for a checkpoint without one."""
    image_encoder: str | None = None
    sketch_encoder: str | None = None
    """A sketch encoder to continue with; None begins with a copy of a denoiser's encoder."""
    image_model: str | None = None
    """An image model (Stable Diffusion 2.1) whose weights a new sketch encoder begins with."""


@dataclass(kw_only=True)
class DataConfig:
    """The clips, and how training clips are cut from them."""

    source: str = "procedural"
    """``procedural``, ``folders`` of pictures, ``videos`` or ``shards``."""
    path: str | None = None
    """The folder or file; none for procedural clips."""
    beside: str | None = None
    """Folders of pictures whose clips are mixed with the procedural ones."""
    beside_share: float = 0.5
    """Share of those clips among all."""
    clips: int = 10000
    """Number of procedural clips."""
    first_seed: int = 0
    look: str = "cartoon"
    """Look of procedural clips: ``cartoon``, ``live``, ``lines``, ``painted``, or a mixture:
    ``mixed`` without painted ones, ``all`` with them."""
    kinds: list[str] = field(default_factory=list)
    """Main figures of procedural clips in turn, such as ``walker`` and ``ball``; an empty list
    takes all, chosen at random."""
    drawn_frames: int | None = None
    """Frames of a procedural clip; more than ``num_frames`` leave a choice of motion fps."""
    source_fps: float | None = None
    """Frame rate of pictures in folders, which have no times (24), and of procedural clips (10)."""
    width: int = 512
    height: int = 320
    num_frames: int = 16
    fit: str = "crop"
    multiple: int = 64
    """Sides must be multiples of this: 64 for the published model."""
    min_fps: float = 5.0
    max_fps: float = 30.0
    """Range of motion fps from which the stride is chosen."""
    flip: bool = False
    """Mirror every other clip."""
    lines: str = "line_art"
    """Sketches: ``line_art`` found in the frames, or ``exact`` where they are known."""
    sparse_sketches: bool = True
    """Sketches for some frames by the paper's rule; false gives every frame one."""
    uneven: float = 0.0
    """Share of clips with uneven timing between the ends. The timing then follows from the
    sketches alone, so a sketch encoder must read them."""
    cuts: float = 0.0
    """Share of clips that change to another clip at some frame, in a part of the picture or all of
    it. A model trained on them shows keyframes that do not match one after the other, not mixed.
    Only for stages without sketches."""
    held_out: int = 4
    """Clips kept from training for sample sheets and the held-out loss; at most a tenth."""
    variants: int | None = None
    """Number of cuts of a clip before they repeat; None makes new ones in every epoch."""
    prepare: bool = False
    """Encode every cut once before training; needs ``variants`` and room in the run's folder."""
    workers: int = 0
    """Processes that read clips ahead."""


@dataclass(kw_only=True)
class OptimizerConfig:
    """AdamW, its learning rate, gradient clipping and the average of the weights."""

    learning_rate: float = 1e-4
    schedule: str = "constant"
    """``constant``, or ``cosine`` down to a hundredth at the last step."""
    schedule_steps: int = 0
    """Steps over which the rate falls, for a run that ends earlier; 0 takes the run's own."""
    warmup: int = 0
    """Steps in which the learning rate rises."""
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    weight_decay: float = 0.01
    clip_norm: float | None = 1.0
    """Largest norm of a step's gradients; None leaves them."""
    ema_decay: float | None = None
    """Decay of the weights' average, which is then published; None keeps no average."""


@dataclass(kw_only=True)
class LoraConfig:
    """Low-rank changes instead of the weights themselves."""

    rank: int = 0
    """Rank of the products; 0 trains the weights themselves."""
    alpha: float | None = None
    """Strength over rank; None is the rank, a strength of 1."""


@dataclass(kw_only=True)
class MachineConfig:
    """Where and how it is computed; apart from rounding, nothing here changes the result."""

    device: str = "auto"
    precision: str = "fp32"
    """``bf16`` and ``fp16`` compute in that precision and keep learning weights in fp32."""
    frozen_precision: str = "fp32"
    """Precision in which frozen text and image encoders are kept and published."""
    micro_batch: int | None = None
    """Clips a process takes at a time; None takes its whole share."""
    checkpoint_activations: bool = False
    """Activation checkpointing: compute activations again in the backward pass."""
    attention: str = "auto"
    """``fused`` needs little memory; ``plain`` is quicker in bf16 training on a CPU."""
    fsdp: bool = False
    """Shard weights and optimizer state over the processes."""
    threads: int | None = None
    """CPU threads of a process; None leaves torch's number."""


@dataclass(kw_only=True)
class OutputConfig:
    """What a run writes, and when."""

    dtype: str = "fp32"
    """Precision of the published file."""
    log_every: int = 10
    tensorboard: bool = True
    checkpoint_every: int = 1000
    keep_checkpoints: int = 2
    sheet_every: int = 1000
    """Steps between sample sheets, 0 for none."""
    sheet_clips: int = 2
    sheet_steps: int = 20
    """DDIM steps of a sample sheet."""
    validate_every: int = 500
    """Steps between held-out losses, 0 for none."""


@dataclass(kw_only=True)
class RunConfig:
    """A training run."""

    out: str = "???"
    """The folder of the run."""
    steps: int = 50000
    batch_size: int = 32
    """Clips a step, over all processes."""
    seed: int = 0
    learn: list[str] = field(default_factory=list)
    """Groups of parameters that learn; see the stage's presets."""
    allow_other_mixture: bool = False
    """Allow a combination of groups that the stage has no preset for."""
    start: StartConfig = field(default_factory=StartConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    machine: MachineConfig = field(default_factory=MachineConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    stage: Any = None
    """The stage's own settings."""
