"""What changes bids: write a draft, seal and submit, withdraw, open. No verb commits."""

from marketplace.bids.operations.drafts import CHANGED_MEANWHILE, attach_file, remove_file, save_draft
from marketplace.bids.operations.opening import open_bids
from marketplace.bids.operations.submission import submit_bid, withdraw_bid

__all__ = ["CHANGED_MEANWHILE", "attach_file", "open_bids", "remove_file", "save_draft", "submit_bid", "withdraw_bid"]
