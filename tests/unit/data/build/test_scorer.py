"""Motion, text, aesthetics, captions and agreement: right on pictures whose answer is known."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from support.checkpoints import tiny_tensors, write_checkpoint
from support.films import encode, numbered
from tooncrafter_core.data.build.scorer import ClipPixels, read_pixels
from tooncrafter_core.data.build.scores.aesthetics import LaionAesthetics, build_head
from tooncrafter_core.data.build.scores.agreement import ClipAgreement
from tooncrafter_core.data.build.scores.captions import Blip2Captions, SidecarCaptions, caption_at
from tooncrafter_core.data.build.scores.motion import DisMotion, RaftMotion
from tooncrafter_core.data.build.scores.text import RapidText
from tooncrafter_core.errors import DatasetError
from tooncrafter_core.pictures.films import open_film


def pixels(moving: np.ndarray, rate: float = 12.0) -> ClipPixels:
    return ClipPixels(
        moving=moving, rate=rate, stills=moving[[0, len(moving) // 2, -1]], source="a.mp4",
        first_second=0.0, last_second=2.0,
    )  # fmt: skip


def sliding(step: int, count: int = 6, size: int = 96) -> np.ndarray:
    """A smooth texture that moves ``step`` pixels to the left each frame."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 255, (12, 24, 3), dtype=np.uint8))
    wide = np.asarray(coarse.resize((size * 2, size), Image.Resampling.BICUBIC))
    return np.stack([wide[:, i * step : i * step + size] for i in range(count)])


def test_flow_measures_a_known_speed() -> None:
    score = DisMotion().score(pixels(sliding(3)), {})
    assert score["motion"] == pytest.approx(3 * 12 / 96, rel=0.1)
    still = DisMotion().score(pixels(sliding(0)), {})
    assert still["motion"] < 1e-3 and still["motion_peak"] < 1e-3


def test_the_speed_does_not_depend_on_the_size_of_the_film(tmp_path: Path) -> None:
    found = []
    for size in (96, 192):
        frames = np.stack([
            np.asarray(Image.fromarray(frame).resize((size, size))) for frame in sliding(2, 24)
        ])  # fmt: skip
        index = open_film(encode(tmp_path / f"{size}.mp4", frames, crf="5"))
        found.append(DisMotion().score(read_pixels(index, 0, 24), {})["motion"])
    assert found[0] == pytest.approx(found[1], rel=0.1)


def test_motion_needs_two_pictures_of_some_size() -> None:
    with pytest.raises(DatasetError, match="has one"):
        DisMotion().score(pixels(sliding(0, 1)), {})
    with pytest.raises(DatasetError, match="too small"):
        DisMotion().score(pixels(np.zeros((3, 8, 8, 3), np.uint8)), {})


def test_raft_weights_that_are_not_there_are_reported(tmp_path: Path) -> None:
    stage = RaftMotion(tmp_path / "raft.pth")
    assert "RAFT" in str(stage.identity()["model"])
    with pytest.raises(DatasetError, match="no RAFT weights"):
        stage.score(pixels(sliding(1)), {})


def test_raft_runs_from_a_weights_file(tmp_path: Path) -> None:
    from torchvision.models.optical_flow import raft_small

    torch.manual_seed(0)
    torch.save(raft_small().state_dict(), tmp_path / "raft.pth")
    score = RaftMotion(tmp_path / "raft.pth").score(pixels(sliding(1, 2)), {})
    assert np.isfinite(score["motion"])


@pytest.fixture(scope="module")
def reader() -> RapidText:
    return RapidText()


def test_a_title_is_text_and_a_drawing_is_none(reader: RapidText) -> None:
    title = Image.new("RGB", (480, 320), (90, 60, 40))
    draw = ImageDraw.Draw(title)
    for line, words in enumerate(("POPEYE THE SAILOR", "presents", "THE END")):
        draw.text((40, 40 + 80 * line), words, fill=(250, 240, 200), font_size=40)
    plain = np.asarray(Image.fromarray(sliding(0, 1)[0]).resize((480, 320)))
    clip = pixels(np.stack([plain, plain, np.asarray(title)]))
    assert 0.05 < reader.score(clip, {})["text"] < 0.5
    assert reader.score(replace(clip, stills=clip.stills[:2]), {})["text"] == 0


def test_laions_linear_head_and_perceptron_are_read() -> None:
    linear = build_head({"weight": torch.ones(1, 8), "bias": torch.tensor([2.0])})
    assert linear(torch.ones(8)).item() == 10
    layers = {"layers.0": (4, 8), "layers.2": (3, 4), "layers.10": (1, 3)}
    state = {}
    for name, shape in layers.items():
        state |= {f"{name}.weight": torch.ones(shape), f"{name}.bias": torch.zeros(shape[0])}
    assert build_head(state)(torch.ones(8)).item() == 8 * 4 * 3
    with pytest.raises(DatasetError, match="no aesthetic head"):
        build_head({"weight": torch.ones(2, 8), "bias": torch.ones(2)})
    with pytest.raises(DatasetError, match="no aesthetic head"):
        build_head({})


def test_the_aesthetic_score_is_the_heads_word_on_clip_embeddings(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.CLIPConfig(
        text_config={"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2,
                     "num_hidden_layers": 1, "vocab_size": 20},
        vision_config={"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2,
                       "num_hidden_layers": 1, "image_size": 32, "patch_size": 16},
        projection_dim=8,
    )  # fmt: skip
    transformers.CLIPModel(config).save_pretrained(tmp_path / "clip")
    transformers.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(tmp_path / "clip")
    head = {"weight": torch.zeros(1, 8), "bias": torch.tensor([5.5])}
    torch.save(head, tmp_path / "head.pth")
    stage = LaionAesthetics(tmp_path / "head.pth", tmp_path / "clip")
    assert stage.score(pixels(sliding(0)), {}) == {"aesthetic": 5.5}
    with pytest.raises(DatasetError, match="is not there"):
        LaionAesthetics(tmp_path / "none.pth", tmp_path / "clip").score(pixels(sliding(0)), {})


def test_a_text_next_to_the_film_is_its_caption(tmp_path: Path) -> None:
    clip = replace(pixels(sliding(0)), source=str(tmp_path / "a.mp4"))
    assert SidecarCaptions().score(clip, {}) == {"caption": None}
    (tmp_path / "a.txt").write_text("a cat\nruns\n", "utf-8")
    assert SidecarCaptions().score(clip, {}) == {"caption": "a cat runs"}
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="is not UTF-8"):
        SidecarCaptions().score(clip, {})


def test_captions_with_times_are_found_by_the_middle_of_the_clip() -> None:
    text = "0\t2.5\ta cat sits\n2.5\t4\tit  runs\n"
    assert caption_at(text, 1) == "a cat sits"
    assert caption_at(text, 2.5) == "it runs"
    assert caption_at(text, 4) is None
    assert caption_at("", 0) is None
    with pytest.raises(DatasetError, match="not seconds"):
        caption_at("a\tb\tc", 0)


def test_agreement_is_the_cosine_of_openclips_own_embeddings(tmp_path: Path) -> None:
    path = write_checkpoint(tiny_tensors(), tmp_path / "tiny.ckpt", "state_dict")
    stage = ClipAgreement(path)
    clip = pixels(numbered(3, 64, 64))
    assert set(stage.score(clip, {"caption": None}).values()) == {None}
    scores = stage.score(clip, {"caption": "a cat"})
    three = [scores[f"agreement_{name}"] for name in ("first", "middle", "last")]
    assert scores["agreement"] == min(three) and all(-1 <= s <= 1 for s in three)
    assert scores != stage.score(clip, {"caption": "the moon"})


def test_agreement_reads_clip_as_the_evaluation_does(tmp_path: Path) -> None:
    from tooncrafter_core.checkpoints.load_clip import load_clip_model
    from tooncrafter_core.metrics.clip_similarity import clip_text_similarity

    path = write_checkpoint(tiny_tensors(), tmp_path / "tiny.ckpt", "state_dict")
    clip = pixels(np.random.default_rng(1).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8))
    scores = ClipAgreement(path).score(clip, {"caption": "a cat"})
    frames = torch.from_numpy(clip.stills).permute(0, 3, 1, 2).float() / 127.5 - 1
    expected = clip_text_similarity(frames, "a cat", load_clip_model(path))
    found = [scores[f"agreement_{name}"] for name in ("first", "middle", "last")]
    assert found == pytest.approx(expected.tolist(), abs=1e-5)


def write_blip2(folder: Path) -> None:
    """A BLIP-2 of a few weights that knows seven words."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<pad>", "</s>", "a", "cat", "runs", "<unk>", "<image>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", bos_token="</s>", eos_token="</s>",
        unk_token="<unk>",
    )  # fmt: skip
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
             "num_attention_heads": 2}  # fmt: skip
    config = transformers.Blip2Config(
        vision_config={**tower, "image_size": 32, "patch_size": 16},
        qformer_config={**tower, "vocab_size": 7, "encoder_hidden_size": 16,
                        "cross_attention_frequency": 1},
        text_config={"model_type": "opt", "vocab_size": 7, "hidden_size": 16, "ffn_dim": 16,
                     "num_hidden_layers": 1, "num_attention_heads": 2, "word_embed_proj_dim": 16,
                     "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": 1,
                     "pad_token_id": 0},
        num_query_tokens=4, image_token_index=6,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.Blip2ForConditionalGeneration(config).save_pretrained(folder)
    pictures = transformers.BlipImageProcessor(size={"height": 32, "width": 32})
    transformers.Blip2Processor(pictures, tokenizer, num_query_tokens=4).save_pretrained(folder)


def test_blip2_captions_a_clip_the_same_way_again(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    write_blip2(tmp_path / "blip2")
    stage = Blip2Captions(tmp_path / "blip2")
    clip = pixels(sliding(1))
    caption = stage.score(clip, {})["caption"]
    assert caption is None or set(str(caption).split()) <= {"a", "cat", "runs"}
    assert stage.score(clip, {}) == {"caption": caption}
    with pytest.raises(DatasetError, match="no BLIP-2 folder"):
        Blip2Captions(tmp_path / "none").score(clip, {})


def test_pixels_are_evenly_spaced_and_of_the_whole_clip(film: Callable[..., Path]) -> None:
    index = open_film(film("a.mp4", (1, 2), 30))
    clip = read_pixels(index, 3, 57)
    assert clip.rate == pytest.approx(24 / 3) and clip.moving.shape == (18, 64, 96, 3)
    assert clip.stills.shape == (3, 64, 96, 3)
    assert (clip.first_second, clip.last_second) == (3 / 24, 57 / 24)
