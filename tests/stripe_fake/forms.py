"""Reads and checks Stripe's form bodies: a[b][0][c]=1."""

import re
from urllib.parse import parse_qsl

_PART = re.compile(r"\[([^\]]*)\]")


def read_form(text: str) -> dict:
    """The nested parameters of a form body or a query string; lists come as dicts with the keys 0, 1, ..."""
    made: dict = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        head, keys = name.partition("[")[0], _PART.findall(name)
        here = made
        for key in [head, *keys][:-1]:
            here = here.setdefault(key, {})
        here[[head, *keys][-1]] = value
    return made


def flat(params: dict, prefix: str = "") -> dict[str, str]:
    """Nested parameters as one flat mapping, list positions written as *."""
    made = {}
    for key, value in params.items():
        part = "*" if key.isdigit() else key
        name = f"{prefix}.{part}" if prefix else part
        made.update(flat(value, name) if isinstance(value, dict) else {name: value})
    return made
