"""Converter by OpenCC (Apache-2.0): plain s2t and t2s, no regional vocabulary."""

from functools import cached_property

import opencc


class OpenCCConverter:
    """Turns Simplified into Traditional characters and back; the dictionaries are read on first use."""

    @cached_property
    def _s2t(self) -> opencc.OpenCC:
        return opencc.OpenCC("s2t")

    @cached_property
    def _t2s(self) -> opencc.OpenCC:
        return opencc.OpenCC("t2s")

    def to_traditional(self, text: str) -> str:
        """Return `text` in Traditional characters."""
        return str(self._s2t.convert(text))

    def to_simplified(self, text: str) -> str:
        """Return `text` in Simplified characters."""
        return str(self._t2s.convert(text))
