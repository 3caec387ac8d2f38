"""Make `first_losses.json`: the losses of every recipe's first steps. Run it when a change of results is meant."""

from __future__ import annotations

import json

from pellucid.recipes import RECIPES
from tests.recipes.test_recipes import GOLDEN, first_losses

if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: first_losses(name) for name in RECIPES}, indent=1) + "\n")
