"""What the tests of judging share."""

import pytest

from marketplace.web.services import services


@pytest.fixture
def sealer(session):
    """The real sealer of the test site."""
    return services().sealer
