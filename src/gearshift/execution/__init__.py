"""Do: carry a decision out, one attempt after another."""
