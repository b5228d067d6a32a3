"""How an experiment ended, in words: what the service wrote in English is said in the language of the visit."""

from __future__ import annotations

import re

from tidegate.ui import session
from tidegate.ui.client.experiments import Experiment
from tidegate.ui.plain import plain
from tidegate.ui.session import moment, number, say

_SERVICE = "scoring API"
_SUCCEEDED = re.compile(r"Version (\S+) is the champion now\.")


def by_service(one: Experiment) -> bool:
    """Whether the service ended it by itself."""
    return one.stopped_by == _SERVICE


def wrong(one: Experiment) -> str | None:
    """What was wrong with a canary that the service stopped; None where that is not what ended it."""
    if not by_service(one):
        return None
    sentences = {
        "errors": say("Too many answers of the treatment failed."),
        "latency": say("Too many answers of the treatment were slow."),
        "scores": say("The scores of the treatment were too far from the champion’s."),
        "metrics missing": say("The servers counted too few of the treatment’s answers: nobody was watching it."),
        "treatment missing": say("Too few customers were treated: some server takes no part."),
    }
    return sentences.get((one.stop_reason or "").split(":")[0])


def reason(one: Experiment) -> str:
    """Why it ended, in plain text."""
    given = one.stop_reason or ""
    succeeded = _SUCCEEDED.fullmatch(given)
    if succeeded:
        return say("Version {version} is the champion now.", version=succeeded.group(1))
    return wrong(one) or given or number(None)


def sentence(one: Experiment) -> str:
    """When, by whom and why it ended; Markdown."""
    told = say("Ended {at} by {who}.", at=moment(one.stopped_at), who=plain(one.stopped_by or number(None)))
    found = wrong(one)
    if found is None:
        return f"{told} {say('Reason: {reason}', reason=plain(reason(one)))}"
    detail = plain((one.stop_reason or "").partition(":")[2].strip())
    what = f"**{found}** ({detail})" if session.is_french() else f"**{detail}**"
    return f"{say('The service stopped this canary by itself.')} {what}  \n{told}"
