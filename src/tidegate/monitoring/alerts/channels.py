"""Where alerts go: Apprise URLs. A URL holds secrets, so a channel is spoken of by its scheme and a short hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tidegate.errors import SettingRefused
from tidegate.settings import Settings

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")


@dataclass(frozen=True)
class Channel:
    """One place to send to. `name` may be printed and recorded, `url` may not, and is not in the representation."""

    name: str
    url: str = field(repr=False)


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """Channels of the setting and of the file, each once. Raises SettingRefused for a file that cannot be read and for what is no URL."""
    texts = [settings.alert_channels.get_secret_value()]
    if settings.alert_channels_file is not None:
        try:
            lines = settings.alert_channels_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeError):
            raise SettingRefused(
                f"TIDEGATE_ALERT_CHANNELS_FILE: {settings.alert_channels_file} cannot be read.",
                "Name a text file with one Apprise URL a line.",
            ) from None
        texts += [line for line in lines if not line.lstrip().startswith("#")]
    return named_channels(url for text in texts for url in _BETWEEN.split(text.strip().strip(",")) if url)


def named_channels(urls: Iterable[str]) -> tuple[Channel, ...]:
    """Channels with their names, without repetitions.

    >>> named_channels(["json://127.0.0.1:9/secret"])
    (Channel(name='json-74a1b13b'),)
    """
    found: dict[str, Channel] = {}
    for place, url in enumerate(urls, 1):
        scheme, separator, rest = url.partition("://")
        if not separator or not rest or not _SCHEME.fullmatch(scheme):
            raise SettingRefused(f"Alert channel {place} is not an Apprise URL.", "Write it as scheme://…; see docs/alerts.md.")
        name = f"{scheme.lower()}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
        found[name] = Channel(name, url)
    return tuple(found.values())
