"""Converter by OpenCC (Apache-2.0): plain Traditional for pages, and every Traditional back to Simplified."""

from functools import cached_property

import opencc


class OpenCCConverter:
    """Turns Simplified into Traditional characters and back; the dictionaries are read on first use."""

    @cached_property
    def _s2t(self) -> opencc.OpenCC:
        return opencc.OpenCC("s2t")

    @cached_property
    def _hk2s(self) -> opencc.OpenCC:
        return opencc.OpenCC("hk2s")

    @cached_property
    def _hk2t(self) -> opencc.OpenCC:
        return opencc.OpenCC("hk2t")

    @cached_property
    def _tw2sp(self) -> opencc.OpenCC:
        return opencc.OpenCC("tw2sp")

    def to_traditional(self, text: str) -> str:
        """Return `text` in Traditional characters."""
        return str(self._s2t.convert(text))

    def to_simplified(self, text: str) -> str:
        """Return `text` in Simplified characters; Traditional text with words of Taiwan as on the mainland."""
        return self.readings(text)[-1]

    def readings(self, text: str) -> tuple[str, ...]:
        """Return `text` in Simplified characters, then, where they differ, with words of Taiwan as on the mainland.

        Simplified text comes back as it is: its words are never exchanged.
        """
        plain = str(self._hk2s.convert(text))           # knows the characters of Hong Kong, Taiwan and the mainland
        if plain == text:
            return (plain,)
        mainland = str(self._tw2sp.convert(self._hk2t.convert(text)))
        return (plain,) if mainland == plain else (plain, mainland)
