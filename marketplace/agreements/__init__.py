"""Donation agreements (捐赠协议): donors, receiving body and provider, beside the purchase contract, never inside it."""
