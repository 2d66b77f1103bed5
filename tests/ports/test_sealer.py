"""The Sealer port. There is no fake: the real one is fast, and a fake seal would prove nothing."""

import threading

import pytest

from marketplace.core.errors import KeyMissing, SealBroken
from marketplace.integrations.sealer import AesGcmSealer


@pytest.fixture
def sealer(tmp_path):
    made = AesGcmSealer(tmp_path / "keys" / "seal.key")
    made.prepare()
    return made


def test_what_is_sealed_comes_back_only_with_its_key_and_context(sealer):
    one, other = sealer.new_key("project:1"), sealer.new_key("project:2")
    sealed = sealer.seal(one, "报价 356000".encode(), context=b"bid|1")
    assert b"356000" not in sealed
    assert sealer.unseal(one, sealed, context=b"bid|1").decode() == "报价 356000"
    for key, context in ((other, b"bid|1"), (one, b"bid|2")):
        with pytest.raises(SealBroken):
            sealer.unseal(key, sealed, context=context)


def test_every_bit_of_the_seal_and_of_the_wrapped_key_counts(sealer):
    key = sealer.new_key("project:1")
    sealed = sealer.seal(key, b"offer", context=b"c")
    for place in range(len(sealed)):
        broken = bytearray(sealed)
        broken[place] ^= 1
        if place < 4:  # the magic is authenticated as part of the context
            continue
        with pytest.raises(SealBroken):
            sealer.unseal(key, bytes(broken), context=b"c")
    for place in range(len(key)):
        broken = bytearray(key)
        broken[place] ^= 1
        with pytest.raises((SealBroken, KeyMissing)):
            sealer.unseal(bytes(broken), sealed, context=b"c")


@pytest.mark.parametrize("junk", [b"", b"x", b"MKS1", b"MKW1" + bytes(10), bytes(200)])
def test_junk_is_refused_as_broken(sealer, junk):
    key = sealer.new_key("p")
    with pytest.raises(SealBroken):
        sealer.unseal(key, junk, context=b"")
    with pytest.raises((SealBroken, KeyMissing)):
        sealer.unseal(junk, sealer.seal(key, b"x", context=b""), context=b"")


def test_the_same_text_is_sealed_differently_each_time(sealer):
    key = sealer.new_key("p")
    assert len({sealer.seal(key, b"same", context=b"") for _ in range(50)}) == 50


def test_the_key_file_is_for_its_owner_only_says_what_it_is_and_is_never_overwritten(sealer, caplog):
    assert sealer.path.stat().st_mode & 0o777 == 0o600
    text = sealer.path.read_text()
    assert "保险柜" in text
    assert not sealer.prepare()
    assert sealer.path.read_text() == text
    assert list(sealer.path.parent.iterdir()) == [sealer.path]


def test_making_the_key_warns_plainly_where_it_lies(tmp_path, caplog):
    made = AesGcmSealer(tmp_path / "seal.key")
    made.new_key("p", is_first=True)
    assert str(tmp_path / "seal.key") in caplog.text
    assert "safe" in caplog.text
    assert made.path.read_text().split()[-1] not in caplog.text


def test_a_missing_key_is_not_made_anew_unless_nothing_was_ever_sealed(tmp_path):
    made = AesGcmSealer(tmp_path / "seal.key")
    with pytest.raises(KeyMissing, match="不在") as missing:
        made.new_key("p")
    assert missing.value.facts["path"] == str(tmp_path / "seal.key")
    assert not made.path.exists()


def test_taking_the_file_away_stops_a_running_server_and_putting_it_back_mends_it(sealer):
    key = sealer.new_key("p")
    sealed = sealer.seal(key, b"x", context=b"")
    kept = sealer.path.read_bytes()
    sealer.path.unlink()
    for use in (lambda: sealer.seal(key, b"x", context=b""), lambda: sealer.unseal(key, sealed, context=b"")):
        with pytest.raises(KeyMissing):
            use()
    sealer.path.write_bytes(kept)
    assert sealer.unseal(key, sealed, context=b"") == b"x"


def test_another_installations_key_is_named_as_the_wrong_one(sealer, tmp_path):
    key = sealer.new_key("p")
    sealed = sealer.seal(key, b"x", context=b"")
    other = AesGcmSealer(tmp_path / "other.key")
    other.prepare()
    with pytest.raises(KeyMissing, match="不是当初用的那一把") as wrong:
        other.unseal(key, sealed, context=b"")
    assert wrong.value.facts["key_id"] == sealer.key_id()


def test_after_a_new_key_is_added_the_old_seals_open_and_new_ones_use_it(sealer):
    key = sealer.new_key("p")
    sealed = sealer.seal(key, b"old", context=b"")
    before = sealer.key_id()
    second = AesGcmSealer(sealer.path.with_name("second.key"))
    second.prepare()
    sealer.path.write_text(sealer.path.read_text() + second.path.read_text())
    assert sealer.key_id() == second.key_id() != before
    assert sealer.unseal(key, sealed, context=b"") == b"old"
    fresh = sealer.new_key("q")
    assert second.unseal(fresh, sealer.seal(fresh, b"new", context=b""), context=b"") == b"new"


@pytest.mark.parametrize("text", ["", "# only words\n", "nonsense\n", "00 11\n", "zz zz\n"])
def test_a_key_file_that_holds_no_key_says_so(tmp_path, text):
    path = tmp_path / "seal.key"
    path.write_text(text)
    with pytest.raises(KeyMissing, match="读不出钥匙"):
        AesGcmSealer(path).new_key("p")


def test_twenty_threads_that_start_at_once_make_one_key(tmp_path):
    sealers = [AesGcmSealer(tmp_path / "seal.key") for _ in range(20)]
    made, gate = [], threading.Barrier(20)

    def begin(one):
        gate.wait()
        made.append((one.prepare(), one.new_key("p", is_first=True)))

    threads = [threading.Thread(target=begin, args=(one,)) for one in sealers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(first for first, _ in made) == 1
    assert all(sealers[0].seal(key, b"x", context=b"") for _, key in made)


def test_keys_never_show_in_a_representation(sealer):
    secret = sealer.path.read_text().split()[-1]
    sealer.seal(sealer.new_key("p"), b"x", context=b"")
    assert secret not in repr(vars(sealer))
