"""How good the champion is on a batch: estimated before labels come, realised once they have matured."""
