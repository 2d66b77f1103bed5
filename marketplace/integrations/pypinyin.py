"""Romanizer by pypinyin (MIT): how Chinese is spoken, without tones."""

from functools import lru_cache


class PypinyinRomanizer:
    """Says words; the table is read on first use, words said before are remembered."""

    def syllables(self, word: str) -> tuple[str, ...]:
        """Return one syllable a character (重庆: chong, qing); what is not Chinese comes back as it is."""
        return _syllables(word)


@lru_cache(maxsize=50_000)
def _syllables(word: str) -> tuple[str, ...]:
    from pypinyin import lazy_pinyin

    return tuple(str(one) for one in lazy_pinyin(word, errors=list))  # type: ignore[arg-type]
