"""Questions that need no enumeration: proofs and refutations, ranges and steepness, by branch and bound."""
