"""The card's two files in a bundle."""

from __future__ import annotations

import json
from pathlib import Path

from tidegate.training.card.document import card_document
from tidegate.training.card.facts import CardFacts
from tidegate.training.card.page import card_html


def write_card(folder: Path, facts: CardFacts) -> None:
    """`card.json` and `card.html`, before the bundle is sealed."""
    document = card_document(facts)
    (folder / "card.json").write_text(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    (folder / "card.html").write_text(card_html(document), encoding="utf-8")
