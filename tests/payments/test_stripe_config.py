"""Settings of card payments: what the site refuses to start with, by the name of the setting."""

import pytest

from marketplace.config import Config, ConfigError

GOOD = {"MARKETPLACE_STRIPE_ACCOUNTS": "hk", "MARKETPLACE_STRIPE_HK_KEY": "sk_test_abcdefgh12345678",
        "MARKETPLACE_STRIPE_HK_WEBHOOK_SECRET": "whsec_abcdefgh12345678"}
MACAU = {"MARKETPLACE_STRIPE_ACCOUNTS": "hk, macau", "MARKETPLACE_STRIPE_MACAU_KEY": "rk_test_zyxwvuts87654321",
         "MARKETPLACE_STRIPE_MACAU_WEBHOOK_SECRET": "whsec_zyxwvuts87654321"}


def test_two_accounts_are_read_and_their_secrets_not_shown():
    config = Config.from_env({**GOOD, **MACAU, "MARKETPLACE_CURRENCY": "HKD"})
    assert [(one.label, one.is_live) for one in config.stripe_accounts] == [("hk", False), ("macau", False)]
    assert config.currency == "HKD"
    assert "sk_test" not in repr(config)
    assert "whsec" not in repr(config)


def test_nothing_is_needed_where_cards_are_not_used():
    assert Config.from_env({}).stripe_accounts == ()


@pytest.mark.parametrize(("changes", "named"), [
    ({"MARKETPLACE_STRIPE_HK_WEBHOOK_SECRET": ""}, "MARKETPLACE_STRIPE_HK_WEBHOOK_SECRET"),
    ({"MARKETPLACE_STRIPE_HK_WEBHOOK_SECRET": "   "}, "MARKETPLACE_STRIPE_HK_WEBHOOK_SECRET"),
    ({"MARKETPLACE_STRIPE_HK_WEBHOOK_SECRET": "whsec_"}, "MARKETPLACE_STRIPE_HK_WEBHOOK_SECRET"),
    ({"MARKETPLACE_STRIPE_HK_KEY": ""}, "MARKETPLACE_STRIPE_HK_KEY"),
    ({"MARKETPLACE_STRIPE_HK_KEY": "pk_test_abcdefgh12345678"}, "MARKETPLACE_STRIPE_HK_KEY"),
    ({"MARKETPLACE_STRIPE_HK_KEY": "sk_abcdefgh12345678"}, "MARKETPLACE_STRIPE_HK_KEY"),
    ({**MACAU, "MARKETPLACE_STRIPE_MACAU_KEY": "sk_live_zyxwvuts87654321"}, "MARKETPLACE_STRIPE_ACCOUNTS mixes"),
    ({**MACAU, "MARKETPLACE_STRIPE_MACAU_KEY": GOOD["MARKETPLACE_STRIPE_HK_KEY"]}, "MARKETPLACE_STRIPE_ACCOUNTS"),
    ({"MARKETPLACE_STRIPE_ACCOUNTS": "hk,hk"}, "MARKETPLACE_STRIPE_ACCOUNTS"),
    ({"MARKETPLACE_STRIPE_ACCOUNTS": "香港"}, "MARKETPLACE_STRIPE_ACCOUNTS"),
    ({"MARKETPLACE_STRIPE_ACCOUNTS": "hk,other"}, "MARKETPLACE_STRIPE_OTHER_KEY"),
    ({"MARKETPLACE_STRIPE_API": "https://api.example.com"}, "MARKETPLACE_STRIPE_API"),
    ({"MARKETPLACE_STRIPE_API": "http://127.0.0.1.example.com:1"}, "MARKETPLACE_STRIPE_API"),
    ({"MARKETPLACE_STRIPE_API": "http://127.0.0.1:1", "MARKETPLACE_STRIPE_HK_KEY": "sk_live_abcdefgh12345678"},
     "MARKETPLACE_STRIPE_API"),
    ({"MARKETPLACE_CURRENCY": "JPY"}, "MARKETPLACE_CURRENCY"),      # no decimals
    ({"MARKETPLACE_CURRENCY": "KWD"}, "MARKETPLACE_CURRENCY"),      # three
    ({"MARKETPLACE_CURRENCY": "cny"}, "MARKETPLACE_CURRENCY"),
])
def test_what_cannot_be_meant_stops_the_start_by_name(changes, named):
    with pytest.raises(ConfigError, match=named):
        Config.from_env({**GOOD, **changes})


def test_a_loopback_address_may_stand_in_for_stripe():
    for address in ("http://127.0.0.1:12111", "http://localhost:12111", "http://[::1]:12111/"):
        assert Config.from_env({**GOOD, "MARKETPLACE_STRIPE_API": address}).stripe_api == address.rstrip("/")
