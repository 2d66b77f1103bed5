"""Segmenter by rjieba (MIT): cuts Simplified Chinese with the dictionary of jieba."""

import rjieba


class RjiebaSegmenter:
    """Cuts words; the dictionary is read on first use (about half a second)."""

    def words(self, text: str) -> list[str]:
        """Return the words of a text for searching, longer ones with the shorter ones inside."""
        found: list[str] = rjieba.cut_for_search(text)
        return found

    def cut(self, text: str) -> list[str]:
        """Return the words of a text in order: joined they are the text."""
        return [str(word) for word in rjieba.cut(text)]

    def is_word(self, text: str) -> bool:
        """Say whether a text is one word of jieba's dictionary."""
        return bool(rjieba.has_word(text))
