"""Settings may stand before and after options."""

import pytest

from tooncrafter_core.cli import parse


@pytest.mark.parametrize(
    "words",
    [
        "train base steps=1 out=x --config file.yaml",
        "train base --config file.yaml steps=1 out=x",
        "train base steps=1 --config file.yaml out=x",
    ],
)
def test_settings_stand_before_or_after_options(words: str) -> None:
    args = parse(words.split())
    assert args.settings == ["steps=1", "out=x"] and args.config == "file.yaml"


@pytest.mark.parametrize("words", ["train base --confg file.yaml", "inspect a.ckpt b=c"])
def test_what_no_command_knows_is_refused(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse(words.split())
    assert stop.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err
