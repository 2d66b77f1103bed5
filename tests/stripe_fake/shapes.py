"""What Stripe's objects look like (API 2026-10-28): the fields that the real ones carry, ids instead of expanded objects."""

API_VERSION = "2026-10-28.endive"


def session(object_id, fake, params, total, currency):
    return {
        "id": object_id, "object": "checkout.session", "amount_subtotal": total, "amount_total": total,
        "cancel_url": params.get("cancel_url"), "client_reference_id": params.get("client_reference_id"),
        "created": fake.now(), "currency": currency, "customer": None, "customer_email": None,
        "expires_at": fake.now() + 86_400, "livemode": fake.livemode, "locale": params.get("locale"),
        "metadata": dict(params.get("metadata", {})), "mode": "payment", "payment_intent": None,
        "payment_method_types": ["card"], "payment_status": "unpaid", "status": "open",
        "submit_type": params.get("submit_type"), "success_url": params.get("success_url"),
        "url": f"{fake.checkout_base}/pay/{object_id}",
    }


def intent(object_id, fake, amount, currency, metadata, description):  # noqa: PLR0917 - the columns of one object
    return {
        "id": object_id, "object": "payment_intent", "amount": amount, "amount_capturable": 0, "amount_received": 0,
        "application_fee_amount": None, "canceled_at": None, "cancellation_reason": None, "capture_method": "automatic",
        "client_secret": f"{object_id}_secret_fake", "confirmation_method": "automatic", "created": fake.now(),
        "currency": currency, "customer": None, "description": description, "last_payment_error": None,
        "latest_charge": None, "livemode": fake.livemode, "metadata": dict(metadata), "next_action": None,
        "payment_method": None, "payment_method_types": ["card"], "receipt_email": None,
        "status": "requires_payment_method", "transfer_data": None,
    }


def charge(object_id, fake, of, *, paid):
    return {
        "id": object_id, "object": "charge", "amount": of["amount"], "amount_captured": of["amount"] if paid else 0,
        "amount_refunded": 0, "balance_transaction": None, "billing_details": {"name": "李华", "email": "li@example.com"},
        "captured": paid, "created": fake.now(), "currency": of["currency"], "customer": None,
        "description": of["description"], "disputed": False, "failure_code": None if paid else "card_declined",
        "livemode": fake.livemode, "metadata": dict(of["metadata"]), "paid": paid, "payment_intent": of["id"],
        "payment_method": None, "receipt_email": None, "refunded": False, "status": "succeeded" if paid else "failed",
    }


def refund(object_id, fake, of, amount, metadata, reason):  # noqa: PLR0917 - the columns of one object
    return {
        "id": object_id, "object": "refund", "amount": amount, "balance_transaction": None, "charge": of["id"],
        "created": fake.now(), "currency": of["currency"], "metadata": dict(metadata),
        "payment_intent": of["payment_intent"], "reason": reason, "receipt_number": None, "status": "succeeded",
    }


def dispute(object_id, fake, of, amount, *, inquiry):
    return {
        "id": object_id, "object": "dispute", "amount": amount, "balance_transactions": [], "charge": of["id"],
        "created": fake.now(), "currency": of["currency"], "evidence": {}, "is_charge_refundable": inquiry,
        "livemode": fake.livemode, "metadata": {}, "payment_intent": of["payment_intent"], "reason": "fraudulent",
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


def movement(object_id, fake, kind, source, amount, fee, currency):  # noqa: PLR0917 - the columns of one object
    return {
        "id": object_id, "object": "balance_transaction", "amount": amount, "available_on": fake.now() + 172_800,
        "created": fake.now(), "currency": currency, "description": None, "exchange_rate": None, "fee": fee,
        "fee_details": [], "net": amount - fee, "reporting_category": kind, "source": source, "status": "pending",
        "type": kind,
    }


def event(object_id, fake, kind, thing):
    return {
        "id": object_id, "object": "event", "api_version": API_VERSION, "created": fake.now(), "data": {"object": thing},
        "livemode": fake.livemode, "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None}, "type": kind,
    }
