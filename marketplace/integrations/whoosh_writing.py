"""Writes Whoosh segments of tokens several times faster: postings gathered term by term, in memory, never sorted.

Whoosh's own pool keeps a tuple a posting, sorts all of them and spills them to disk one by one; its field writer asks
the disk for the length of every field. Tokens that are only there or not need neither.
"""

from array import array
from collections.abc import Iterator
from typing import Any

from whoosh.codec.whoosh3 import W3Codec, W3FieldWriter

BLOCK = 4096                       # documents of one block of postings: read whole, so long ones are read faster
COMPRESSION = 1
Posting = tuple[str, bytes, int, float, bytes]
Term = tuple[str, bytes, "array[int]"]


class TermPool:
    """The postings of one segment by field and term. Documents come in rising order."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[bytes, array[int]]] = {}

    def add(self, item: Posting) -> None:
        """Take one posting."""
        field, term, document = item[:3]
        terms = self._fields.setdefault(field, {})
        if (documents := terms.get(term)) is None:
            terms[term] = array("I", (document,))
        else:
            documents.append(document)

    def iter_postings(self) -> Iterator[Term]:
        """Yield (field, term, documents) in order."""
        for field in sorted(self._fields):
            terms = self._fields[field]
            for term in sorted(terms):
                yield field, term, terms[term]

    def cleanup(self) -> None:
        """Forget everything."""
        self._fields.clear()


class TermWriter(W3FieldWriter):  # type: ignore[misc]
    """Writes what a TermPool holds."""

    def add_postings(self, schema: Any, _lengths: Any, items: Iterator[Term]) -> None:
        """Write terms with their documents, field by field."""
        last, add = "", self.add
        for field, term, documents in items:
            if field != last:
                if last:
                    self.finish_field()
                self.start_field(field, schema[field])
                last = field
            self.start_term(term)
            for document in documents:
                add(document, 1.0, b"", 0)
            self.finish_term()
        if last:
            self.finish_field()


class TermCodec(W3Codec):  # type: ignore[misc]
    """Whoosh's format, written as above. Segments name this class: it must stay where it is."""

    length_stats = False

    def __init__(self) -> None:
        super().__init__(blocklimit=BLOCK, compression=COMPRESSION)

    def field_writer(self, storage: Any, segment: Any) -> TermWriter:
        """Return the writer of a segment's terms."""
        return TermWriter(self, storage, segment)
