"""Each guard of the money is there for something: taken out of a copy of the code, the named test turns red."""

import pytest

from tests.torture.mutations import MUTATIONS, apply, copy_code, run

pytestmark = pytest.mark.torture


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_without_this_guard_a_test_turns_red(mutation, tmp_path, record_property):
    copy = copy_code(tmp_path)
    answer, said = run(copy, mutation.test)
    assert answer == 0, f"must be green before anything is taken out:\n{said}"
    apply(copy, mutation)
    answer, said = run(copy, mutation.test)
    assert answer == 1, f"{mutation.test} did not see that {mutation.name} is gone:\n{said}"
    record_property("red", f"without {mutation.name}: {mutation.test}")
