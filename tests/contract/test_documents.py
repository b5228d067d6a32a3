"""The documents say what the code does."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tidegate.customers.spec import load_spec

TOP = Path(__file__).parents[2]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", TOP / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["cli.md", "settings.md", "spec.md"])
def test_generated_pages_are_fresh(page: str) -> None:
    assert (TOP / "docs" / page).read_text(encoding="utf-8") == generator().PAGES[page](), "run `make docs`"


def tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files"], cwd=TOP, capture_output=True, text=True, check=True)
    return listing.stdout.splitlines()


def test_every_folder_is_in_the_architecture_page() -> None:
    page = (TOP / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {str(Path(name).parent) for name in tracked() if "/" in name}
    missing = sorted(folder for folder in folders if f"`{folder}/`" not in page)
    assert not missing, f"docs/architecture.md lacks a line for {missing}"


def test_every_folder_named_in_the_architecture_page_exists() -> None:
    page = (TOP / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([^`]+)/` \|", page, flags=re.MULTILINE)
    assert named
    assert [folder for folder in named if not (TOP / folder).is_dir()] == []


def test_no_word_of_a_bank_outside_the_spec_and_the_simulator() -> None:
    spec = load_spec("bank")
    names = [name for name in spec.columns if "_" in name] + [str(spec.id), str(spec.positive), str(spec.negative), "BankChurners"]
    words = re.compile("|".join(map(re.escape, names)), re.IGNORECASE)
    found = [
        f"{path.relative_to(TOP)}:{number}"
        for path in sorted((TOP / "src").rglob("*.py"))
        if path.parent.name != "simulation"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if words.search(line)
    ]
    assert found == []


def test_the_readme_names_only_verbs_that_exist() -> None:
    from tidegate.cli import app

    verbs = {command.callback.__name__ for command in app.registered_commands if command.callback}
    verbs |= {str(group.typer_instance.info.name) for group in app.registered_groups if group.typer_instance}
    text = (TOP / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"tidegate ([a-z]+)\b", "\n".join(re.findall(r"```[a-z]*\n(.*?)```", text, flags=re.DOTALL))))
    assert named
    assert named <= verbs, named - verbs
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    assert "make test" in text
    assert "make test" in (TOP / ".ci" / "run").read_text(encoding="utf-8")


def test_links_between_pages_lead_somewhere() -> None:
    pages = [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md")), TOP / "CONTRIBUTING.md"]
    links = [(page, target) for page in pages for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))]
    assert [str(target) for page, target in links if not target.startswith("http") and not (page.parent / target).exists()] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    pages = sorted((TOP / "docs" / "decisions").glob("*.md"))
    titles = [int(page.read_text(encoding="utf-8").removeprefix("# ").partition(".")[0]) for page in pages]
    assert [int(page.name[:4]) for page in pages] == titles == list(range(1, len(pages) + 1))


def test_functions_and_modules_keep_to_their_length() -> None:
    modules = {path.relative_to(TOP): path.read_text(encoding="utf-8") for path in (TOP / "src").rglob("*.py")}
    assert [str(path) for path, text in modules.items() if len(text.splitlines()) > 350] == []
    functions = [
        (f"{path}: {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for path, text in modules.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [name for name, lines in functions if lines > 40] == []
