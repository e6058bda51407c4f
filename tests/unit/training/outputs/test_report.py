"""What learns and what is frozen, for the full model and the five variants of Table 3."""

import pytest

from tooncrafter_core.checkpoints.keys import OPTIONAL, REQUIRED
from tooncrafter_core.checkpoints.load import Models, build_network
from tooncrafter_core.config.model import ModelConfig
from tooncrafter_core.config.presets import MINI, TINY, TOONCRAFTER_512
from tooncrafter_core.errors import TrainingError
from tooncrafter_core.models.motion.keyframe_warp import KeyframeWarp
from tooncrafter_core.models.residual import TemporalConvStack
from tooncrafter_core.models.transformers import TemporalTransformer
from tooncrafter_core.training.groups import Group, group_of
from tooncrafter_core.training.outputs.previewing import PreviewSettings
from tooncrafter_core.training.outputs.report import check_mixture, count_groups, freeze_report
from tooncrafter_core.training.settings.presets import PRESETS
from tooncrafter_core.training.stages.denoising import DenoisingSettings, DenoisingStage
from tooncrafter_core.training.stages.registry import STAGES

DENOISER, PROJECTOR = 1_438_854_980, 48_787_456
SPATIAL, TEMPORAL, OTHER = 889_430_724, 545_323_136, 4_101_120

LEARNING = {
    "table3_i": 0,
    "table3_ii": DENOISER + PROJECTOR,
    "table3_iii": SPATIAL + PROJECTOR,
    "table3_iv": SPATIAL + PROJECTOR,
    "table3_v": PROJECTOR,
}


def stage_of(config: ModelConfig, learn: tuple[Group, ...]) -> DenoisingStage:
    """A stage on the meta device: its networks have no weights."""
    networks = {c.value: build_network(c, config) for c in (*REQUIRED, *OPTIONAL)}
    models = Models(config=config, **networks)  # type: ignore[arg-type]
    return DenoisingStage(models, DenoisingSettings(), learn, PreviewSettings())


@pytest.mark.parametrize("preset", LEARNING)
def test_groups_of_the_full_model_add_up_in_every_variant_of_table_3(preset: str) -> None:
    learn = tuple(Group(name) for name in PRESETS["rectify"][preset]["learn"])
    stage = stage_of(TOONCRAFTER_512, learn)
    check_mixture(stage, learn, STAGES["rectify"].mixtures, allow_other=False)
    counts = {count.group: count for count in count_groups(stage)}
    asked = (Group.SPATIAL, Group.TEMPORAL, Group.PROJECTOR, Group.OTHER)
    assert [counts[g].total for g in asked] == [SPATIAL, TEMPORAL, PROJECTOR, OTHER]
    assert sum(counts[g].total for g in asked) == DENOISER + PROJECTOR
    assert sum(count.learning for count in counts.values()) == LEARNING[preset]
    assert sum(p.numel() for p in stage.parameters() if p.requires_grad) == LEARNING[preset]
    assert all((count.state == "learns") is (g in learn) for g, count in counts.items())


def test_temporal_layers_are_those_that_join_frames() -> None:
    for config in (TINY, MINI, TOONCRAFTER_512):
        denoiser = stage_of(config, ()).denoiser
        expected = {
            f"{name}.{own}"
            for name, layer in denoiser.named_modules()
            if isinstance(layer, TemporalTransformer | TemporalConvStack | KeyframeWarp)
            for own, _ in layer.named_parameters()
        }
        found = {
            key for key, _ in denoiser.named_parameters()
            if group_of(f"model.diffusion_model.{key}") is Group.TEMPORAL
        }  # fmt: skip
        assert found == expected


def test_the_report_is_a_table_that_adds_up() -> None:
    lines = freeze_report(stage_of(TOONCRAFTER_512, (Group.PROJECTOR,))).splitlines()
    assert lines[0].split() == ["group", "parameters", "learning"]
    rows = {words[0]: words[1:] for words in map(str.split, lines[1:])}
    assert rows["spatial"] == ["889,430,724", "0", "frozen"]
    assert rows["projector"] == ["48,787,456", "48,787,456", "learns"]
    total = sum(int(row[0].replace(",", "")) for name, row in rows.items() if name != "together")
    assert rows["together"] == [f"{total:,}", "48,787,456"]


def test_a_mixture_that_was_not_reported_is_refused() -> None:
    stage = stage_of(TINY, (Group.SPATIAL, Group.PROJECTOR))
    known = STAGES["rectify"].mixtures
    with pytest.raises(TrainingError, match=r"parameters of spatial would learn, but 'learn' name"):
        check_mixture(stage, (Group.PROJECTOR,), known, allow_other=True)
    other = stage_of(TINY, (Group.SPATIAL, Group.TEMPORAL))
    reported = (Group.SPATIAL, Group.TEMPORAL)
    with pytest.raises(TrainingError, match=r"No preset .* trains spatial, temporal together; they"
                       r" train .*allow_other_mixture=true"):  # fmt: skip
        check_mixture(other, reported, known, allow_other=False)
    check_mixture(other, reported, known, allow_other=True)
    with pytest.raises(TrainingError, match="has no parameters of sketch_encoder"):
        check_mixture(stage, (Group.SKETCH_ENCODER,), known, allow_other=True)


def test_a_group_that_learns_in_part_is_refused() -> None:
    class Partly(DenoisingStage):
        def learners(self, player: str):  # noqa: ANN202
            yield from list(super().learners(player))[:-1]

    whole = stage_of(TINY, (Group.PROJECTOR,))
    partly = Partly(whole.models, DenoisingSettings(), (Group.PROJECTOR,), PreviewSettings())
    with pytest.raises(TrainingError, match=r"Only [\d,]+ of 123,904 parameters of projector"):
        check_mixture(partly, (Group.PROJECTOR,), STAGES["rectify"].mixtures, allow_other=False)


def test_presets_of_the_paper_have_its_numbers() -> None:
    """PAPER.md, training stage by stage."""
    asked = {"rectify": (50000, 32, 1e-5), "decoder": (60000, 16, 4.5e-6),
             "sketch": (50000, 32, 5e-5)}  # fmt: skip
    for stage, numbers in asked.items():
        preset = PRESETS[stage][next(iter(PRESETS[stage]))]
        rate = preset["optimizer"]["learning_rate"]
        assert (preset["steps"], preset["batch_size"], rate) == numbers
        assert preset["data"]["num_frames"] == 16
    assert PRESETS["rectify"]["table3_iv"]["stage"]["condition_dropout"] == 0.05
    assert PRESETS["rectify"]["table3_iii"]["stage"]["bypass_temporal"] is True
    assert TOONCRAFTER_512.diffusion.base_scale == 0.7
