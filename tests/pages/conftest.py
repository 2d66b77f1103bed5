"""The pages suite looks at the same site as the browser suite."""

from tests.browser.conftest import site  # noqa: F401 - a fixture
