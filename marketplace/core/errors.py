"""What an operation raises: one sentence for people that says what to do next."""


class DomainError(Exception):
    """A refusal. `sentence` is a Chinese message id with {named} places, `facts` fills them in any language."""

    def __init__(self, sentence: str, **facts: object) -> None:
        self.sentence = sentence
        self.facts = facts
        super().__init__(sentence.format(**facts) if facts else sentence)


class Denied(DomainError):  # noqa: N818 - the trade says "denied"
    """The actor may not do this. With `hidden`, even the existence is secret (404 instead of 403)."""

    def __init__(self, sentence: str, *, hidden: bool = False, **facts: object) -> None:
        super().__init__(sentence, **facts)
        self.hidden = hidden


class IllegalStep(DomainError):  # noqa: N818
    """The subject is not in a state from which this step leads on (409)."""


class Conflict(DomainError):  # noqa: N818
    """Somebody else was first, or the thing is used up (409)."""


class Invalid(DomainError):  # noqa: N818
    """The input breaks a rule (422). `field` names the form field it belongs to, if one does."""

    def __init__(self, sentence: str, *, field: str | None = None, **facts: object) -> None:
        super().__init__(sentence, **facts)
        self.field = field


class Unavailable(DomainError):  # noqa: N818
    """A part of the system that this step needs is not there now (503); nothing was lost."""


class KeyMissing(Unavailable):
    """The outside key of sealed content is not where it should be; `path` says where that is."""


class PaymentRefused(Conflict):
    """The payment house refused what was asked; `code` is its word for why."""

    def __init__(self, sentence: str, *, code: str = "", **facts: object) -> None:
        super().__init__(sentence, code=code, **facts)
        self.code = code


class SealBroken(Conflict):
    """Sealed content, its key or its context is not what was sealed."""
