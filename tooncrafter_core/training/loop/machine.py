"""Where a run computes: accelerate set up from the settings, one process or many."""

import logging
import os
from collections.abc import MutableMapping
from typing import Any

import torch

from ...config import telemetry
from ...config.extras import install_extra
from ...errors import TrainingError
from ..settings.config import MachineConfig

logger = logging.getLogger(__name__)


def make_accelerator(config: MachineConfig, players: int) -> Any:
    """Accelerate's ``Accelerator`` for this process.

    ``TrainingError`` when a GPU is asked for and there is none, or when accelerate is not
    installed.
    """
    telemetry.switch_off()
    try:
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
    except ModuleNotFoundError as error:
        raise TrainingError(
            "Training needs the Python package accelerate, which is not installed. "
            + install_extra("train")
        ) from error
    check_device(config)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    # Several players: in each one's pass the others' parameters have no gradients.
    handlers: list[Any] = [DistributedDataParallelKwargs(find_unused_parameters=players > 1)]
    on_cpu = config.device == "cpu"
    if not on_cpu and share_gpus(os.environ, torch.cuda.device_count()):
        # NCCL refuses two processes on one device.
        handlers.append(InitProcessGroupKwargs(backend="gloo"))
    return Accelerator(
        cpu=on_cpu,
        mixed_precision="no" if config.precision == "fp32" else config.precision,
        kwargs_handlers=handlers,
    )


def share_gpus(environment: MutableMapping[str, str], num_gpus: int) -> bool:
    """Whether a launcher started more processes than there are GPUs, which they then share.

    A small model leaves a GPU idle while one process launches its kernels; several keep it busy.
    This process is given a GPU that exists: ``LOCAL_RANK`` in ``environment`` changes.
    """
    processes = int(environment.get("LOCAL_WORLD_SIZE", "1"))
    if not 0 < num_gpus < processes:
        return False
    environment["LOCAL_RANK"] = str(int(environment["LOCAL_RANK"]) % num_gpus)
    return True


def check_device(config: MachineConfig) -> None:
    """``TrainingError`` for a device that is not there, or a precision that it cannot compute."""
    has_gpu = torch.cuda.is_available()
    if config.device == "cuda" and not has_gpu:
        reason = (
            "torch was installed without CUDA" if not torch.backends.cuda.is_built()
            else "torch finds no NVIDIA GPU or its driver"
        )  # fmt: skip
        raise TrainingError(
            f"machine.device asks for a GPU and there is none: {reason}. Set machine.device=cpu, "
            "or run on a machine that has one."
        )
    on_gpu = has_gpu and config.device != "cpu"
    if config.precision == "fp16" and not on_gpu:
        raise TrainingError(
            "machine.precision=fp16 trains on a GPU only: a CPU has no scaling of gradients. Set "
            "it to bf16 or fp32."
        )
