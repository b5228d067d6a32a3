"""A page of another maker made harmless before it is shown inside ours. Knows no Streamlit.

What Streamlit embeds as HTML has the origin of the page around it: a script in it could read that page and ask the APIs in its name. The
page is therefore put into a frame of its own without that origin (`sandbox` without `allow-same-origin`: its origin is opaque), and
both documents have a policy under which scripts draw and ask nobody. That of the outer one also keeps the inner one from going
elsewhere: what a frame may navigate to is for its parent's policy to say (CSP Level 3, frame-src).
"""

from __future__ import annotations

from html import escape

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_STYLE = "html,body{margin:0;height:100%;overflow:auto hidden}iframe{border:0;background:#fff;transform-origin:0 0}"
_SMALLEST = 0.45
# A page that is drawn for a width is shown smaller where there is less of it, down to what can still be read.
_FIT = (
    "const frame=document.querySelector('iframe');"
    "function fit(){const scale=Math.min(1,Math.max(%(smallest)s,innerWidth/%(width)d));"
    "frame.style.width=Math.max(%(width)d,innerWidth)+'px';frame.style.height=innerHeight/scale+'px';"
    "frame.style.transform='scale('+scale+')'}fit();addEventListener('resize',fit)"
)


def sandboxed(page: str, title: str, width: int) -> str:
    """A document that shows `page`, HTML of any kind drawn for so many pixels, in a frame that reaches neither this document nor what is
    around it.

    >>> 'sandbox="allow-scripts"' in sandboxed("<p>", "Report", 900) and "<p>" not in sandboxed("<p>", "Report", 900)
    True
    """
    # First of all, whatever the page says: a policy counts from where it stands.
    policy = f'<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    head = f'{policy}<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    frame = f'<iframe title="{escape(title)}" sandbox="allow-scripts" srcdoc="{escape(policy + page)}"></iframe>'
    return f"{head}{frame}<script>{_FIT % {'smallest': _SMALLEST, 'width': width}}</script>"
