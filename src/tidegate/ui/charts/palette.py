"""What all pictures share. Colours are those of Okabe and Ito (2008), which people who do not see all colours can tell apart."""

from __future__ import annotations

RAISES, LOWERS, NEUTRAL = "#D55E00", "#0072B2", "#999999"
ORANGE, GREEN, PURPLE, SKY = "#E69F00", "#009E73", "#CC79A7", "#56B4E9"
SERIES = (LOWERS, RAISES, GREEN, PURPLE, ORANGE, SKY)
MARGINS = {"l": 8, "r": 8, "t": 8, "b": 8}
