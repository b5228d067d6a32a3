"""The card as one page: no script, no asset from elsewhere, light and dark, and it prints."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

from tidegate.training.card import sections
from tidegate.training.card.html import Html, bullets, element, join, text

TILES = ("roc_auc", "pr_auc", "f1", "brier")
SECTIONS: tuple[tuple[str, str, Callable[[Any], Html]], ...] = (
    ("use", "Use", sections.use),
    ("metrics", "How good it is on the holdout", sections.metrics),
    ("findings", "Honesty checks", sections.findings),
    ("drivers", "What moves it", sections.drivers),
    ("calibration", "Calibration", sections.calibration),
    ("segments", "Groups of customers", sections.segments),
    ("money", "Money", sections.money),
    ("candidates", "What was tried", sections.candidates),
    ("data", "Data", sections.data),
    ("limits", "Limits", bullets),
    ("again", "Train it again", sections.again),
)


def card_html(document: dict[str, Any]) -> str:
    """A complete HTML page of a card document. Every text is escaped; a part that the document lacks has no section."""
    style = (resources.files("tidegate.training.card") / "card.css").read_text(encoding="utf-8")
    model = document["model"]
    title = f"Model card: {model['table']}"
    body = join((_head(document), *(_section(key, name, draw(document[key])) for key, name, draw in SECTIONS if key in document)))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        f"{element('title', text(title))}\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _section(key: str, name: str, content: Html) -> Html:
    return element("section", join((element("h2", text(name)), content)), id=key)


def _head(document: dict[str, Any]) -> Html:
    model = document["model"]
    name = f"{sections.plain_name(model['algorithm'])} for {model['table']}"
    parts = [element("p", text("Model card"), class_="kicker"), element("h1", text(name))]
    if "meaning" in model:
        parts.append(element("p", text(model["meaning"]), class_="lead"))
    parts += [_tiles(document.get("metrics", {})), element("p", text(model["why"])), _known(model)]
    return element("header", join(parts))


def _tiles(metrics: dict[str, Any]) -> Html:
    tiles = []
    for key in (key for key in TILES if key in metrics):
        one = metrics[key]
        spread = f"{one['low']:.4f} to {one['high']:.4f}"
        content = (("tile-name", sections.NAMES[key]), ("tile-value", f"{one['value']:.4f}"), ("tile-range", spread))
        tiles.append(element("div", join(element("div", text(said), class_=kind) for kind, said in content), class_="tile"))
    return element("div", join(tiles), class_="tiles") if tiles else Html("")


def _known(model: dict[str, Any]) -> Html:
    members = model.get("members", {})
    return sections.pairs(
        (
            ("Kind", model["kind"]),
            ("Members and weights", ", ".join(f"{sections.plain_name(name)} {weight:.3f}" for name, weight in members.items()) or None),
            ("Threshold", f"{model['threshold']:.4f}: {model['threshold_rule']}"),
            ("Trained", f"{model['created_at']} with Tidegate {model['code_version']}"),
        )
    )
